// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title The chain's coin that a contract holds for others: fees and bonds.
interface INativeCredits {
    error NothingToWithdraw();

    /// @notice Pays an owner the coins credited to it. Anyone.
    function withdrawNativeCredits(address owner) external;

    function nativeCredits(address owner) external view returns (uint256);
}
