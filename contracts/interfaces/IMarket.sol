// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IStepErrors} from "./IStepErrors.sol";

/// @notice What a taker that `take` gives data to has to have.
interface ITaker {
    /// @notice Called by the vault when it has paid out, before it takes what the fill costs from the taker, which has
    /// to have approved it by the end of the call. Amounts are in token units.
    /// @param sells Whether the backstop sold the asset for cash; else it bought it.
    /// @param out What the recipient got. @param owed What the vault takes next.
    function onTake(uint8 asset, bool sells, uint256 out, uint256 owed, bytes calldata data) external;
}

/// @title The liquidation market: what liquidations brought to the backstop, sold or bought back in lots, to anybody.
/// @notice Equal to protocol/auction.ts to the last bit; docs/market.md specifies it. Assets are numbered 1 to 7.
/// Prices are cash base units per base unit of the asset, scaled by 2^32, and so are values; clocks count ways in
/// 1/2^32; units and cash are in the rollup's base units unless "token units" is said. Until a freeze the lots of an
/// asset sum to the size of the backstop's balance of it, all on its side; a frozen system sells nothing.
interface IMarket is IStepErrors {
    struct Config {
        address vault;
        /// Milliseconds between blocks of the chain.
        uint32 blockTime;
        /// From the penalized price to the end of the way, in 1/10^4 of the mark, at most 2,000.
        uint16 floorDiscount;
        /// What a grid step may move the market by, in 1/10^4, 1 to 10^4.
        uint16 maxImpact;
    }

    struct Lot {
        /// In the order in which the asset's lots began; an asset's first is 0.
        uint32 id;
        uint96 units;
        /// The asset's clock when the lot's began, by weight where parts began at different times.
        uint64 start;
        /// The second since which its oldest part waits.
        uint40 since;
    }

    /// @notice The terms of an asset in the latest round.
    struct Terms {
        /// 0: there was none yet.
        uint64 round;
        uint40 time;
        /// Then there is no price, and clocks stand. Also where the asset never had a price.
        bool held;
        uint64 price;
        uint64 sell;
        uint64 buy;
        /// In 1/2^16 of the mark.
        uint16 premium;
        /// Seconds of the whole way.
        uint16 saleDuration;
        uint16 purchaseDuration;
        /// The most units that a grid step trades; 2^256 - 1: no bound.
        uint256 cap;
    }

    /// @notice An asset's auction. While there are no lots, clock, `setBack` and `youngestRound` mean nothing.
    struct Auction {
        /// Whether the backstop holds what waits; else it is short of it.
        bool sells;
        /// The oldest first.
        Lot[] lots;
        uint64 clock;
        uint64 setBack;
        /// The second from which the clock runs on.
        uint40 from;
        /// The round in which the youngest lot began; 0: no resolve of this round joins it.
        uint32 youngestRound;
        uint32 nextId;
        /// The grid step of the last fill, and the units traded in it.
        uint32 step;
        uint96 traded;
        Terms terms;
    }

    /// @notice A lot as it is offered.
    struct Offer {
        uint32 lot;
        uint96 units;
        uint40 since;
        /// Of this second; 0 while there is none.
        uint256 price;
    }

    /// @param sells Whether the backstop holds it; else it is short of it.
    /// @param units With which it began; what joins it later is no event of its own.
    event LotBegan(uint8 indexed asset, uint32 indexed lot, bool sells, uint96 units);
    /// @notice A lot's part of the fill whose event follows.
    event LotTaken(uint8 indexed asset, uint32 indexed lot, uint96 units, uint256 price);
    /// @param taker 0: an account inside, see `IVault.Unwound`.
    /// @param sells Whether the backstop sold; else it bought back.
    /// @param cash What the taker paid, or was paid.
    /// @param mark The round's price.
    /// @param loss Value against the mark that left at a discount; 0 inside.
    /// @param kept What the fill kept of the penalty; below 0 beyond the penalized price.
    /// @param penalty The units' penalty at the round's marks: sums of `kept` over sums of it are the share recaptured.
    event Filled(
        uint8 indexed asset,
        address indexed taker,
        bool sells,
        uint96 units,
        uint64 cash,
        uint64 mark,
        uint256 loss,
        int256 kept,
        uint256 penalty
    );

    error InvalidConfig(string what);
    error NotVault();
    error NotRounds();
    error UnknownAsset(uint256 asset);
    /// @notice The asset is held, or the latest round is not younger than `maxAge`, or there is none.
    error NoPrice(uint256 asset);
    /// @notice More than what waits.
    error BeyondInventory(uint256 units, uint256 waiting);
    /// @notice More than the grid step has left of what it may trade.
    error BeyondCap(uint256 units, uint256 left);
    /// @notice The fill costs more, or pays less, than the taker's limit.
    error BeyondLimit(uint256 cash);
    /// @notice The fill pays more than the backstop has of cash in free custody.
    error BeyondCash(uint256 cash, uint256 spendable);

    /// @notice Takes units of the oldest lots, each at its price of this second: all or none. Pays out first; then, if
    /// there are data, calls the sender back as `ITaker`; then takes what the fill costs from the sender, who approves
    /// the vault for it. Where the backstop holds the asset, the taker buys it for cash; where it is short of it, the
    /// taker sells it for cash. Anyone; not in a call-back.
    /// @param units A whole number of the token's units, no more than the accounts and the backstop own of it.
    /// @param limit Cash: the most that the sender pays, or the least that is paid to the recipient.
    /// @param recipient Of what the vault pays out.
    /// @return cash What was paid, in base units: up to whole token units where the taker pays, down where it is paid.
    function take(uint8 asset, uint256 units, uint256 limit, address recipient, bytes calldata data)
        external
        returns (uint256 cash);

    /// @notice Takes units for an account inside, for exactly this cash, which may be no worse for the backstop than
    /// the lots' prices. Vault.
    /// @param step Number of the step, for errors.
    /// @param buys Whether the account does.
    function unwind(uint256 step, uint256 asset, uint256 units, uint256 cash, bool buys) external;

    /// @notice A change of the backstop's balance. Vault.
    /// @param delta Signed, not 0.
    /// @param isResolve Whether a resolve brought it: then it is a lot of the round. Else it joins the youngest lot.
    function changed(uint256 asset, int256 delta, bool isResolve) external;

    /// @notice Brings clocks up to a round that was just posted, and takes its terms. Rounds.
    /// @param fronts What `closeRound` said just before it.
    function openRound(uint256[7] calldata fronts) external;

    /// @notice Keeps the terms of the latest round, of assets without lots too, before the clocks that they depend on
    /// change. Rounds.
    function keepTerms() external;

    /// @notice Keeps the terms of the latest round where there are lots, before the next one is posted. Rounds.
    /// @return fronts By these terms, the price of the oldest lot that is no dust, of assets 1 to 7, without regard to
    /// the round's age or to a hold; 0 where no lots are.
    function closeRound() external returns (uint256[7] memory fronts);

    /// @return sells As in `Auction`.
    /// @return offers The lots, the oldest first, at their prices of this second.
    /// @return available Units that can be taken now, by the round and the grid step; less where custody, or the
    /// backstop's cash, has less.
    function lots(uint256 asset) external view returns (bool sells, Offer[] memory offers, uint256 available);

    /// @notice The price of the oldest lot at this second; 0 where none waits or there is none.
    function price(uint256 asset) external view returns (uint256);

    /// @notice What taking units would cost, or pay, at this second; reverts where `take` would for the price, the
    /// inventory, the cap or the backstop's cash.
    /// @return sells As in `Auction`. @return inside For an account. @return outside In whole token units.
    function quote(uint256 asset, uint256 units) external view returns (bool sells, uint256 inside, uint256 outside);

    /// @notice All that prices depend on.
    function auction(uint256 asset) external view returns (Auction memory);

    /// @return Value that left at a discount by takes from outside since the last checkpoint.
    function loss() external view returns (uint256);

    function config() external view returns (Config memory);

    function vault() external view returns (address);
}
