/** Why the agent cannot do what it was asked, in one sentence that says what to do. It is shown without a stack. */
export class AgentError extends Error {
  override readonly name = 'AgentError';
}
