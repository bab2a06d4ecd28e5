import { describe, expect, it } from 'vitest';
import { Screen } from '../../../../src/cli/top/screen.ts';

const opened = () => {
  const written: string[] = [];
  const screen = new Screen((text) => written.push(text));
  screen.open();
  return { screen, written, take: () => written.splice(0).join('') };
};

describe('the screen', () => {
  it('writes a line again only when it has changed, all changes in one write', () => {
    const { screen, written, take } = opened();
    screen.draw(['a', 'b', 'c']);
    take();
    screen.draw(['a', 'B', 'C']);
    expect(written).toEqual(['\u001B[?2026h\u001B[2;1HB\u001B[K\u001B[3;1HC\u001B[K\u001B[?2026l']);
    take();
    screen.draw(['a', 'B', 'C']);
    expect(written).toEqual([]);
  });

  it('clears what a shorter picture leaves over', () => {
    const { screen, take } = opened();
    screen.draw(['a', 'b', 'c']);
    take();
    screen.draw(['a']);
    expect(take()).toBe('\u001B[?2026h\u001B[2;1H\u001B[J\u001B[?2026l');
  });

  it('draws all of it after the terminal has another size', () => {
    const { screen, take } = opened();
    screen.draw(['a']);
    take();
    screen.resized();
    screen.draw(['a']);
    expect(take()).toContain('\u001B[2J\u001B[1;1Ha');
  });

  it('gives the terminal back once, whoever asks', () => {
    const { screen, take } = opened();
    expect(take()).toMatch(/\?1049h.*\?25l/);
    screen.close();
    expect(take()).toBe('\u001B[?7h\u001B[?25h\u001B[?1049l');
    screen.close();
    screen.draw(['late']);
    expect(take()).toBe('');
  });
});
