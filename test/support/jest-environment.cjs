/**
 * jest's node environment with an ordinary global object. jest contextifies its global, and every access to a
 * global (Math, BigInt, Uint8Array) then passes an interceptor, 5 to 140 times slower than in plain Node.
 */
const vm = require('node:vm');
const { TestEnvironment } = require('jest-environment-node');

module.exports = class extends TestEnvironment {
  constructor(config, context) {
    const { createContext } = vm;
    vm.createContext = () => createContext(vm.constants.DONT_CONTEXTIFY);
    try {
      super(config, context);
    } finally {
      vm.createContext = createContext;
    }
  }

  /** The process that tests see is a copy, on which Node emits nothing; who listens for this shall hear it. */
  handleTestEvent({ name, error, promise }) {
    if (name === 'error' && promise !== undefined) {
      this.global.process.emit('unhandledRejection', error, promise);
    }
  }
};
