import type { Calibration } from './calibrate.ts'

/** The constants of the path models, fitted to the shipped history; printed by `npm run --silent risk:calibrate`. */
export const CALIBRATION: Calibration = {
  assets: {
    ETH: {
      sigma: 0.00942641,
      gjr: {
        omega: 3.11761e-7,
        alpha: 0.0562236,
        gamma: 0.0182097,
        beta: 0.931163,
        freedom: 3.49726,
      },
      jumpMean: -1.02378,
      jumpSigma: 6.85588,
      calmSigma: 0.908219,
    },
    BTC: {
      sigma: 0.00771498,
      gjr: {
        omega: 2.67122e-7,
        alpha: 0.0710784,
        gamma: 0.0159423,
        beta: 0.916463,
        freedom: 3.33104,
      },
      jumpMean: -0.783822,
      jumpSigma: 7.00407,
      calmSigma: 0.901689,
    },
    SOL: {
      sigma: 0.0132982,
      gjr: {
        omega: 0.00000100673,
        alpha: 0.0624477,
        gamma: 0.0112872,
        beta: 0.926216,
        freedom: 4.30459,
      },
      jumpMean: 0.10821,
      jumpSigma: 7.41822,
      calmSigma: 0.918632,
    },
    AVAX: {
      sigma: 0.0134102,
      gjr: {
        omega: 4.2871e-7,
        alpha: 0.057005,
        gamma: 0.00119253,
        beta: 0.940015,
        freedom: 4.4169,
      },
      jumpMean: -0.113031,
      jumpSigma: 7.18209,
      calmSigma: 0.92981,
    },
    LINK: {
      sigma: 0.0119028,
      gjr: {
        omega: 9.8489e-7,
        alpha: 0.0660252,
        gamma: 0.00695487,
        beta: 0.923546,
        freedom: 4.42073,
      },
      jumpMean: -1.58863,
      jumpSigma: 7.3848,
      calmSigma: 0.922475,
    },
    DOGE: {
      sigma: 0.0141452,
      gjr: {
        omega: 8.98965e-7,
        alpha: 0.0907238,
        gamma: 0.00000115426,
        beta: 0.904783,
        freedom: 3.64788,
      },
      jumpMean: 1.37361,
      jumpSigma: 8.48436,
      calmSigma: 0.848959,
    },
  },
  correlation: [
    [1, 0.833992, 0.675305, 0.686669, 0.797624, 0.553733],
    [0.833992, 1, 0.637596, 0.639719, 0.718065, 0.537824],
    [0.675305, 0.637596, 1, 0.632414, 0.66104, 0.476197],
    [0.686669, 0.639719, 0.632414, 1, 0.698387, 0.483623],
    [0.797624, 0.718065, 0.66104, 0.698387, 1, 0.541162],
    [0.553733, 0.537824, 0.476197, 0.483623, 0.541162, 1],
  ],
  jumpCorrelation: [
    [1, 0.860516, 0.708978, 0.746411, 0.854036, 0.504491],
    [0.860516, 1, 0.678969, 0.688542, 0.783903, 0.50484],
    [0.708978, 0.678969, 1, 0.716999, 0.741331, 0.471021],
    [0.746411, 0.688542, 0.716999, 1, 0.814418, 0.454761],
    [0.854036, 0.783903, 0.741331, 0.814418, 1, 0.528306],
    [0.504491, 0.50484, 0.471021, 0.454761, 0.528306, 1],
  ],
  jumps: {
    baseline: 0.00363211,
    branching: 0.350014,
    decay: 0.0721885,
  },
}
