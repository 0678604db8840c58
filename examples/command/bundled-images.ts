/** Where the sample images are, from the sources and from the compiled examples alike. */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export function bundledImagesDirectory(): string {
  const places = ['../images', '../../../examples/images'].map((place) =>
    fileURLToPath(new URL(place, import.meta.url)),
  );
  return places.find((place) => existsSync(place)) ?? places[0] ?? 'images';
}
