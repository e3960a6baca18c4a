// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IMarket} from "../interfaces/IMarket.sol";
import {IRounds} from "../interfaces/IRounds.sol";
import {IVault} from "../interfaces/IVault.sol";

/// @title Rounds and vault in one, as far as the market asks them, that say and do what a test wants: for comparing the
/// market with protocol/ move by move. One asset, cash of 6 decimals in both.
contract MarketStage {
    uint256 private constant ASSET = 1;

    IMarket public market;
    IRounds.Sale private _sale;
    uint256 private _s5;
    uint256 private _quantile;
    int128 private _cash;
    uint256 private _free;
    uint256 public epochs;

    function setMarket(IMarket market_) external {
        market = market_;
    }

    function setCash(int128 own, uint256 free_) external {
        (_cash, _free) = (own, free_);
    }

    function setEpoch(uint256 epoch) external {
        epochs = epoch;
    }

    function setClocks(uint32 roundMin, uint32 maxAge) external {
        market.keepTerms();
        (_sale.roundMin, _sale.maxAge) = (roundMin, maxAge);
    }

    /// @notice A round of this second.
    function post(IRounds.Sale calldata next, uint256 s5, uint256 quantile) external {
        uint256[7] memory fronts = market.closeRound();
        _sale = next;
        _sale.time = uint40(block.timestamp);
        (_s5, _quantile) = (s5, quantile);
        market.openRound(fronts);
    }

    function resolve(int256 delta) external {
        market.changed(ASSET, delta, true);
    }

    /// @notice So many rounds of the same marks, each with a resolve.
    function flood(uint256 count, int256 delta) external {
        for (uint256 i = 0; i < count; ++i) {
            uint256[7] memory fronts = market.closeRound();
            ++_sale.round;
            market.openRound(fronts);
            market.changed(ASSET, delta, true);
        }
    }

    function change(int256 delta) external {
        market.changed(ASSET, delta, false);
    }

    function unwind(uint256 units, uint256 cash, bool buys) external {
        market.unwind(7, ASSET, units, cash, buys);
    }

    // What the market asks.

    function exchange(uint8, uint256, uint8, uint256, address, address, bytes calldata) external view {
        // No tokens move here.
        require(msg.sender == address(market), "market");
    }

    function rounds() external view returns (address) {
        return address(this);
    }

    function assetCount() external pure returns (uint256) {
        return ASSET;
    }

    function assetInfo(uint8) external pure returns (address, uint8, uint8, uint64, uint64, uint64) {
        return (address(1), 6, 6, 0, 0, 0);
    }

    function sale(uint256) external view returns (IRounds.Sale memory) {
        return _sale;
    }

    function stamp() external view returns (uint64, uint40) {
        return (_sale.round, _sale.time);
    }

    function reading(uint256) external view returns (uint256, uint256) {
        return (_s5, _quantile);
    }

    function ledger(uint8) external view returns (IVault.Ledger memory l) {
        l.backstop = _cash;
    }

    function free(uint8) external view returns (uint256) {
        return _free;
    }
}
