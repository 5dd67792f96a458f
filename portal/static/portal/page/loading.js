// Loading that does not give up: what failed for the moment is loaded again.
import { status as line } from "./live.js";

const SHORTEST = 1_000;
const LONGEST = 30_000;

/** One thing that a view loads, perhaps anew: only the latest answer counts.
 *  `fail` hears of an error, and null once there is an answer. `back` is called when the line was lost and is back. */
export class Loading {
  #turn = 0;
  #failures = 0;
  #again = null;
  #waiting = null;

  constructor(fail, back = () => this.#waiting?.()) {
    this.fail = fail;
    this.back = back;
    line.addEventListener("back", back);
  }

  /** Show what `load` promises. After a fault that passes it is asked again: after a pause, and when the line is back. */
  async run(load, show) {
    const turn = ++this.#turn;
    this.#rest();
    let answer;
    try {
      answer = await load();
    } catch (error) {
      if (turn === this.#turn) this.#failed(error, () => this.run(load, show));
      return;
    }
    if (turn !== this.#turn) return;
    this.#failures = 0;
    this.fail(null);
    show(answer);
  }

  #failed(error, again) {
    this.fail(error);
    if (!error.passing && error.code !== "RATE_LIMITED") return;
    const pause = Math.min(LONGEST, SHORTEST * 2 ** this.#failures++);
    this.#waiting = again;
    this.#again = setTimeout(again, pause * (0.75 + Math.random() / 2));
  }

  #rest() {
    clearTimeout(this.#again);
    this.#waiting = null;
  }

  /** Whatever is under way does not count any more. */
  stop() {
    this.#turn++;
    this.#rest();
    line.removeEventListener("back", this.back);
  }
}
