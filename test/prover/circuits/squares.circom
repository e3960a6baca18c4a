pragma circom 2.2.0;

// Knowledge of factors z, y of digest, and of a number that is squared `steps` times, which nothing else uses.
template Squares(steps) {
    signal input digest;
    signal input z;
    signal input y;
    signal input secret;

    signal chain[steps + 1];
    chain[0] <== secret;
    for (var i = 0; i < steps; i++) {
        chain[i + 1] <== chain[i] * chain[i];
    }
    digest === z * y;
}
