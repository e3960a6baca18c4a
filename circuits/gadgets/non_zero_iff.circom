pragma circom 2.2.0;

// Proves `in` nonzero where `enabled` is 1, and `in` zero where it is 0 (enabled is binary).
// Where `in` is 0 the inverse is free: that wire says nothing.
template NonZeroIff() {
    signal input in;
    signal input {binary} enabled;
    signal inverse;
    inverse <-- in != 0 ? 1 / in : 0;
    in * inverse === enabled;
    in * (1 - enabled) === 0;
}
