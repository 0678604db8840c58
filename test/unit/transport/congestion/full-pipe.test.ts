import { FullPipe } from '../../../../src/transport/congestion/full-pipe.js';
import { rateSample } from '../../../support/ack-sample.js';

const at = (deliveryRate: number) => rateSample({ deliveryRate });

test('full after three rounds that each brought less than a quarter more', () => {
  const pipe = new FullPipe();
  pipe.update(at(100), true);
  pipe.update(at(125), true);
  for (const rate of [124, 156, 150]) {
    expect(pipe.isFullNow).toBe(false);
    pipe.update(at(rate), true);
  }
  expect(pipe.isFullNow).toBe(true);
});

test('counts rounds, not ACKs, and growth within a round', () => {
  const pipe = new FullPipe();
  pipe.update(at(100), true);
  for (let i = 0; i < 10; i++) pipe.update(at(100), false);
  pipe.update(at(100), true);
  pipe.update(at(100), true);
  pipe.update(at(130), false);
  pipe.update(at(130), true);
  expect(pipe.isFullNow).toBe(false);
});

test('what the application limited says nothing', () => {
  const pipe = new FullPipe();
  pipe.update(at(100), true);
  for (let i = 0; i < 10; i++) pipe.update(rateSample({ deliveryRate: 50, isAppLimited: true }), true);
  expect(pipe.isFullNow).toBe(false);
});

test('looks anew after a reset, for growth over what it is given', () => {
  const pipe = new FullPipe();
  for (let i = 0; i < 4; i++) pipe.update(at(100), true);
  expect(pipe.isFullNow).toBe(true);
  pipe.reset(200);
  for (let i = 0; i < 2; i++) pipe.update(at(249), true);
  expect(pipe.isFullNow).toBe(false);
  pipe.update(at(249), true);
  expect(pipe.isFullNow).toBe(true);
});
