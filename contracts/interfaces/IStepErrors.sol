// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title What the vault and the forced requests refuse in a batch of operations, so that a settlement reverts with it.
interface IStepErrors {
    /// @notice The system was frozen for good.
    error Frozen();
    /// @notice There is no round, the latest is not younger than `maxAge`, or it is no younger than a request to
    /// discharge.
    error NoFreshRound();
    /// @notice Not the deposit at the head of the queue, in kind, index, asset, amount or public key.
    error WrongDeposit(uint256 step);
    /// @notice Not an asset with a token.
    error NotSpot(uint256 asset);
    error AmountZero();
    error AmountTooLarge(uint256 amount);
    /// @notice Not a whole number of the token's or of the rollup's units.
    error NotRepresentable(uint256 asset, uint256 amount);
    /// @notice Address 0, or more than an address and the bit above it.
    error BadRecipient(uint256 recipient);
    /// @notice More than the accounts and the backstop own of the token in the vault.
    error BeyondFreeCustody(uint256 asset, uint256 amount, uint256 free);
    /// @notice The backstop does not hold that much of the asset, or is not short by that much.
    error BackstopSide(uint256 step);
    /// @notice Worse for the backstop than its price of this second, or it has none.
    error BackstopPrice(uint256 step);
    /// @notice More than what the grid step may yet trade, or than what the backstop has of cash in free custody.
    error BackstopRoom(uint256 step);
    /// @notice No request of this number is pending, or it is another one.
    error WrongRequest(uint256 number);
    error RequestExpired(uint256 number);
    /// @notice The backstop takes no forced close of that much now: it was under water at the last checkpoint, the
    /// asset is held, or its position would grow beyond `2 penalty depth`.
    error NotCloseable(uint256 number);
}
