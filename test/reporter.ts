import Mocha from 'mocha'

/** Mocha's usual report and, alone on the last line, `N passed, N failed`. */
export default class Reporter extends Mocha.reporters.Spec {
  override epilogue(): void {
    super.epilogue()
    Mocha.reporters.Base.consoleLog(`${this.stats.passes} passed, ${this.stats.failures} failed`)
  }
}
