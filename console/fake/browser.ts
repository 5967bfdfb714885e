/** What jsdom leaves out and the console uses, for tests that draw. */
if (typeof window !== 'undefined') {
  Object.assign(Element.prototype, { scrollTo: () => undefined, scrollIntoView: () => undefined })
  HTMLDialogElement.prototype.showModal ??= function (this: HTMLDialogElement) {
    this.open = true
  }
  // A screen that is never laid out has no height, and a virtual list of no height has no rows.
  Object.defineProperty(Element.prototype, 'clientHeight', { value: 2400 })
  Object.defineProperty(Element.prototype, 'clientWidth', { value: 1600 })
  globalThis.ResizeObserver ??= class {
    observe(): void {}
    unobserve(): void {}
    disconnect(): void {}
  }
  Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true })
}
