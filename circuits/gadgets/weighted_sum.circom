pragma circom 2.2.0;

include "../types.circom";

// Value of the traded balances: sum over a >= 1 of m_a * (positive_a where sign 0, -negative_a where sign 1).
// Coefficients and magnitudes below 2^64 keep it within (-2^67 2^64, 2^67 2^64). Cash (asset 0) is the caller's.
template WeightedSum() {
    input Balances() balances;
    signal input positive[7];
    signal input negative[7];
    signal output coefficient[7];
    signal output out;

    signal term[7];
    var sum = 0;
    for (var a = 0; a < 7; a++) {
        coefficient[a] <== positive[a] - balances.sign[a + 1] * (positive[a] + negative[a]);
        term[a] <== coefficient[a] * balances.magnitude[a + 1];
        sum += term[a];
    }
    out <== sum;
}
