// Commands: submitted with an idempotency key, then polled until they are settled.
import { ApiError } from "./api.js";
import { ask } from "./session.js";

const JOB = `query ($id: UUID!) { job(id: $id, wait: 20) {
  status rejection { code message ban { reason } } result { auctionId bidId userId version } } }`;

export const CREATE_USER = "mutation ($input: CreateUserInput!) { job: createUser(input: $input) { id } }";
export const DELETE_USER = "mutation ($input: DeleteUserInput!) { job: deleteUser(input: $input) { id } }";
export const PLACE_BID = "mutation ($input: PlaceBidInput!) { job: placeBid(input: $input) { id } }";
export const SET_MAXIMUM = "mutation ($input: SetMaximumInput!) { job: setMaximum(input: $input) { id } }";
export const CLEAR_MAXIMUM = "mutation ($input: ClearMaximumInput!) { job: clearMaximum(input: $input) { id } }";
export const BUY_NOW = "mutation ($input: BuyInput!) { job: buyNow(input: $input) { id } }";
export const ANSWER_OFFER = "mutation ($input: AnswerOfferInput!) { job: answerOffer(input: $input) { id } }";
export const DELETE_BID = "mutation ($input: DeleteBidInput!) { job: deleteBid(input: $input) { id } }";

/** 32 hexadecimal digits at random; over plain HTTP, too, where browsers offer no randomUUID. */
export function atRandom() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) =>
    byte.toString(16).padStart(2, "0")).join("");
}

/** A command that takes effect once, however often it is submitted: the same input has the same idempotency key. */
export class Intent {
  #input = null;
  #key = null;
  #more = null;

  /** `more` gives further input, chosen anew for each command. */
  constructor(mutation, more = () => ({})) {
    this.mutation = mutation;
    this.more = more;
  }

  /** Submit it and await the settled job. The key is kept after an error that may pass, and is new after a settled job. */
  async carryOut(input) {
    const id = await this.submit(input);
    const job = await outcome(id);
    this.#key = null;
    return job;
  }

  /** Submit it; the job's id. */
  async submit(input) {
    const written = JSON.stringify(input);
    if (!this.#key || this.#input !== written) {
      this.#key = atRandom();
      this.#more = this.more();
    }
    this.#input = written;
    const keyed = { ...input, ...this.#more, idempotencyKey: this.#key };
    try {
      return (await retried(() => ask(this.mutation, { input: keyed }))).job.id;
    } catch (error) {
      if (!error.passing) this.#key = null;
      throw error;
    }
  }
}

async function outcome(id) {
  for (;;) {
    const { job } = await retried(() => ask(JOB, { id }));
    if (!job) throw new ApiError("UNAUTHENTICATED", "this job is not yours to see");
    if (job.status !== "QUEUED") return job;
  }
}

async function retried(attempt, tries = 4) {
  for (let pause = 500; ; pause *= 2) {
    try {
      return await attempt();
    } catch (error) {
      if (!error.passing || --tries === 0) throw error;
      await new Promise((resolve) => setTimeout(resolve, pause * (0.75 + Math.random() / 2)));
    }
  }
}
