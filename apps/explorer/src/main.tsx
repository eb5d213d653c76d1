/** Puts the page together. */
import './page/style.css';
import { render } from 'preact';
import { App } from './page/app.tsx';
import { onSavedView, start } from './page/state/state.ts';
import { openAddress, openSavedView } from './page/state/view.ts';

render(<App />, document.getElementById('app')!);
onSavedView(openSavedView);
void openAddress().then((shown) => (shown ? undefined : start()));
