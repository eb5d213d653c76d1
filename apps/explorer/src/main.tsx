/** Puts the page together. */
import './page/style.css';
import { render } from 'preact';
import { App } from './page/app.tsx';
import { start } from './page/state.ts';

render(<App />, document.getElementById('app')!);
void start();
