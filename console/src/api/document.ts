/** An operation with the types of its answer and its variables; the types are for the compiler only. */
export interface Document<Data, Variables> {
  readonly name: string
  readonly text: string
  readonly '~types'?: (variables: Variables) => Data
}
