// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title A static call that whatever is called can neither make revert nor make expensive.
library SourceCall {
    uint256 internal constant WORDS = 5;
    /// @dev More than what is spent between the check and the call: an address not yet warm, and some memory.
    uint256 private constant OVERHEAD = 5_000;

    /// @notice Too little gas is left to give what is called its share.
    error TooLittleGas();

    /// @notice Calls a function without arguments with exactly this much gas, and copies no more than `words` words of
    /// what it returns.
    /// @return ok Whether it returned, and at least so many words.
    function ask(address target, bytes4 selector, uint256 gasGiven, uint256 words)
        internal
        view
        returns (bool ok, uint256[WORDS] memory answer)
    {
        require(words <= WORDS);
        // The call is given at most 63/64 of what is left; below that a caller could starve the one that is called.
        if (gasleft() < gasGiven * 64 / 63 + OVERHEAD) revert TooLittleGas();
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            mstore(0, selector)
            ok := staticcall(gasGiven, target, 0, 4, answer, mul(words, 32))
            ok := and(ok, iszero(lt(returndatasize(), mul(words, 32))))
        }
    }
}
