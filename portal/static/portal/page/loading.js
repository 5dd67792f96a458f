// Loading that is tried again after errors that may pass.
import { status as connection } from "./live.js";

const SHORTEST = 1_000;
const LONGEST = 30_000;

/** What a view loads, perhaps several times: only the answer to the latest request is shown.
 *  `fail` gets an error, and null once there is an answer. `back` is called after a break of the connection. */
export class Loading {
  #turn = 0;
  #failures = 0;
  #again = null;
  #waiting = null;

  constructor(fail, back = () => this.#waiting?.()) {
    this.fail = fail;
    this.back = back;
    connection.addEventListener("back", back);
  }

  /** Call `load`, then `show` with its result. After an error that may pass, both again: after a pause, or once connected again. */
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

  /** Ignore the answer to a request under way, and try nothing again. */
  stop() {
    this.#turn++;
    this.#rest();
    connection.removeEventListener("back", this.back);
  }
}
