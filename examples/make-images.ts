/**
 * Makes the bundled sample images: `npm run build && node dist/examples/make-images.js [DIR]`. They are computed, so they
 * belong to nobody else, and they are the same each time: a Mandelbrot set (the large one), a Julia set, dunes, northern
 * lights and ripples, one for each of the common formats.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp, { type Sharp } from 'sharp';
import { bundledImagesDirectory } from './command/bundled-images.js';

type Colour = readonly [red: number, green: number, blue: number];

/** The colour of a point; both coordinates from 0 to 1, y downwards. */
type Painter = (x: number, y: number) => Colour;

function paint(width: number, height: number, painter: Painter): Sharp {
  const pixels = new Uint8Array(width * height * 3);
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const colour = painter((column + 0.5) / width, (row + 0.5) / height);
      pixels.set(colour.map(toByte), (row * width + column) * 3);
    }
  }
  return sharp(pixels, { raw: { width, height, channels: 3 } });
}

function toByte(value: number): number {
  return Math.max(0, Math.min(255, Math.round(value)));
}

/** Through the stops and back to the first: `place` may be any number, 1 is once around. */
function gradient(stops: readonly Colour[], place: number): Colour {
  const position = (place - Math.floor(place)) * stops.length;
  const index = Math.floor(position) % stops.length;
  return mix(
    stops[index] ?? [0, 0, 0],
    stops[(index + 1) % stops.length] ?? [0, 0, 0],
    position - Math.floor(position),
  );
}

function mix(a: Colour, b: Colour, share: number): Colour {
  return [a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share, a[2] + (b[2] - a[2]) * share];
}

const DUSK: readonly Colour[] = [
  [8, 12, 40],
  [44, 60, 140],
  [130, 180, 220],
  [250, 240, 200],
  [240, 160, 70],
  [130, 40, 60],
];

/** Smooth count of the steps until z -> z^2 + c leaves, or undefined when it stays. */
function escapeTime(
  startX: number,
  startY: number,
  cX: number,
  cY: number,
  maxSteps: number,
): number | undefined {
  let x = startX;
  let y = startY;
  for (let step = 0; step < maxSteps; step++) {
    const x2 = x * x;
    const y2 = y * y;
    if (x2 + y2 > 256) return step + 1 - Math.log2(Math.log2(x2 + y2) / 2);
    y = 2 * x * y + cY;
    x = x2 - y2 + cX;
  }
  return undefined;
}

/** A spiral at the edge of the set's seahorse valley. */
const mandelbrot: Painter = (x, y) => {
  const steps = escapeTime(0, 0, -0.743_4 + (x - 0.5) * 0.0022, 0.131_4 + (y - 0.5) * 0.001_65, 1_500);
  return steps === undefined ? [4, 6, 20] : gradient(DUSK, Math.sqrt(steps) / 6);
};

const julia: Painter = (x, y) => {
  const steps = escapeTime((x - 0.5) * 3.2, (y - 0.5) * 2, -0.7269, 0.1889, 600);
  return steps === undefined ? [4, 6, 20] : gradient(DUSK, Math.sqrt(steps) / 7);
};

const dunes: Painter = (x, y) => {
  const sky = mix([250, 214, 170], [120, 150, 200], Math.max(0, 0.5 - y) * 2);
  for (let ridge = 5; ridge >= 0; ridge--) {
    const line =
      0.42 +
      ridge * 0.1 +
      0.05 * Math.sin(x * (5 - ridge * 0.4) + ridge * 1.9) +
      0.012 * Math.sin(x * 17 + ridge * 4);
    if (y < line) continue;
    const light = 0.75 + 0.25 * Math.cos(x * (5 - ridge * 0.4) + ridge * 1.9) - (y - line) * 0.7;
    return mix([230 * light, 160 * light, 100 * light], sky, 0.75 - ridge * 0.14);
  }
  return sky;
};

const aurora: Painter = (x, y) => {
  const curtain = (shift: number, speed: number): number => {
    const line = 0.45 + 0.12 * Math.sin(x * speed + shift) + 0.05 * Math.sin(x * speed * 2.7 + shift * 2);
    const above = line - y;
    return above < 0
      ? Math.exp(above * 40)
      : Math.exp(-above * 5) * (0.7 + 0.3 * Math.sin(x * 60 + 8 * Math.sin(x * 9 + shift)));
  };
  const green = curtain(0.4, 5.1);
  const violet = curtain(2.2, 3.7) * 0.7;
  const hill = 0.88 + 0.03 * Math.sin(x * 6) + 0.015 * Math.sin(x * 23);
  if (y > hill) return [6, 10, 16];
  return [10 + 110 * violet + 30 * green, 16 + 220 * green + 30 * violet, 40 + 120 * green + 150 * violet];
};

/** One frame of waves from three drops; `time` from 0 to 1 is one turn of the loop. */
function ripples(time: number): Painter {
  const drops = [
    [0.3, 0.35, 9],
    [0.7, 0.6, 12],
    [0.45, 0.85, 15],
  ] as const;
  return (x, y) => {
    let height = 0;
    for (const [dropX, dropY, waves] of drops) {
      const distance = Math.hypot(x - dropX, y - dropY);
      height += Math.cos((distance * waves - time) * 2 * Math.PI) / (1 + 5 * distance);
    }
    return mix([16, 60, 100], [190, 230, 235], Math.round((0.5 + height / 3) * 12) / 12);
  };
}

async function animation(width: number, height: number, frameCount: number): Promise<Sharp> {
  const frames: Buffer[] = [];
  for (let frame = 0; frame < frameCount; frame++) {
    frames.push(
      await paint(width, height, ripples(frame / frameCount))
        .png()
        .toBuffer(),
    );
  }
  return sharp(frames, { join: { animated: true } });
}

async function makeImages(directory: string): Promise<void> {
  await mkdir(directory, { recursive: true });
  const write = async (name: string, image: Sharp): Promise<void> => {
    const bytes = await image.toBuffer();
    await writeFile(join(directory, name), bytes);
    console.log(`${name}: ${bytes.length} bytes`);
  };
  await write('mandelbrot-large.png', paint(2_560, 1_920, mandelbrot).png({ compressionLevel: 9 }));
  await write('julia.png', paint(640, 400, julia).png({ compressionLevel: 9 }));
  await write('dunes.jpg', paint(1_280, 800, dunes).jpeg({ quality: 88, mozjpeg: true }));
  await write('aurora.webp', paint(1_280, 800, aurora).webp({ quality: 82 }));
  await write(
    'ripples.gif',
    (await animation(240, 240, 12)).gif({ loop: 0, delay: Array<number>(12).fill(70) }),
  );
}

await makeImages(process.argv[2] ?? bundledImagesDirectory());
