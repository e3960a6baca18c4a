// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title A source of one asset's price: an adapter of `contracts/adapters/`, or any contract of this interface.
/// @notice Prices are in the quote currency per whole unit of the asset, times 10^decimals.
interface ISource {
    /// @notice Decimals of the prices, at most 18. Asked when the source is named; a `read` that says others fails.
    function decimals() external view returns (uint8);

    /// @notice Whether prices are averages over a time that has passed, so that they lag in a crash. Asked when the
    /// source is named.
    function timeWeighted() external view returns (bool);

    /// @notice The price as it stands. A revert, and less than four words, count as no answer.
    /// @return price At least 1, below 2^128.
    /// @return confidence Half the width of the interval in which the price lies, in units of the price; 0 where
    /// the source does not say.
    /// @return time The price's, in unix seconds.
    /// @return currentDecimals Of this price, as the source has them now.
    function read()
        external
        view
        returns (uint256 price, uint256 confidence, uint256 time, uint256 currentDecimals);
}
