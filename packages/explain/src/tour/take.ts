/** Makes a tour. */
import { tourOfMappings } from './mappings.ts';
import { tourOfPages } from './pages.ts';
import { Tour, TourError, type TourOptions, type TourPlace, type TourStep } from './tour.ts';

/**
 * Makes a tour, and returns its steps.
 *
 * The tour of the mappings leaves the task as it is at the end; that of the pages ends every task.
 *
 * @throws TourError when the file cannot be written where that is needed, or a call fails
 */
export async function takeTour(place: TourPlace, { what, onStep }: TourOptions): Promise<TourStep[]> {
  const { driver } = place;
  if (what === 'pages' && !driver.writable)
    throw new TourError(`a tour of pages stores into a file, and ${driver.name} cannot be written to`);
  const tour = new Tour(place, onStep);
  await (what === 'pages' ? tourOfPages(tour, place) : tourOfMappings(tour, place));
  return tour.steps;
}
