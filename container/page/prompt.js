// A prompt: the points and the box that show a model one object.

/**
 * One step of a prompt, in pixels of the picture: a point on the object or beside it, or a box.
 * @typedef {{point: [number, number], positive: boolean}|{box: [number, number, number, number]}} Step
 */

/** Steps in the order in which they were taken; the last box counts. */
export class Prompt {
  /** @param {Step[]} [steps] */
  constructor(steps = []) {
    this.steps = steps;
  }

  get points() {
    return this.steps.filter((step) => step.point);
  }

  /** x1, y1, x2, y2; null without one. */
  get box() {
    return this.steps.filter((step) => step.box).at(-1)?.box ?? null;
  }

  /** Does it show an object? Points beside one alone do not. */
  get shows() {
    return this.box !== null || this.points.some(({ positive }) => positive);
  }

  /** May it mean a part as well as the whole? */
  get ambiguous() {
    return this.points.length === 1 && this.box === null;
  }

  /** The prompt with one step more. */
  with(step) {
    return new Prompt([...this.steps, step]);
  }

  /** The prompt without its last step. */
  without() {
    return new Prompt(this.steps.slice(0, -1));
  }

  /** Is it an earlier prompt with further points, so that its mask can start from that one's? */
  refines(earlier) {
    const { steps } = earlier;
    return (
      earlier.shows &&
      steps.length < this.steps.length &&
      steps.every((step, i) => step === this.steps[i]) &&
      this.steps.slice(steps.length).every((step) => step.point)
    );
  }
}
