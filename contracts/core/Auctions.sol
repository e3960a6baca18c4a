// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

import {IMarket} from "../interfaces/IMarket.sol";
import {IRounds} from "../interfaces/IRounds.sol";
import {MarginRule} from "../libraries/MarginRule.sol";
import {RiskParameters} from "../libraries/RiskParameters.sol";
import {Way, Ways} from "../libraries/Ways.sol";

/// @title Lots, their clocks and prices, in exact integers: protocol/auction.ts; see `IMarket`.
/// @dev Nothing in `_open` reverts, or loops over more than eight lots: rounds cannot be posted without it.
abstract contract Auctions is IMarket {
    using Ways for Way;

    uint256 internal constant LOTS_MOST = 8;
    /// @dev A grid step whose room is less than this part of its cap has sold it.
    uint256 private constant ROOM_PARTS = 8;
    uint256 private constant FLOOR_DISCOUNT_MOST = 2_000;

    /// @dev How far prices have come, and what was traded, one word: a lot that begins does not write it.
    struct Clock {
        uint64 clock;
        uint64 setBack;
        uint32 step;
        uint96 traded;
    }

    /// @dev Which lots there are, and on whose terms they are sold, one word.
    struct Flow {
        uint40 from;
        /// Of the round whose terms these are; one before the latest where there were no lots. 0: of none.
        uint40 time;
        uint16 premium;
        /// 0: the round's terms are not made yet.
        uint16 saleDuration;
        uint16 purchaseDuration;
        bool held;
        uint32 youngestRound;
        uint32 nextId;
        /// Place of the oldest lot, and how many there are: a place that a lot left keeps its words, so that the next
        /// one writes where something was.
        uint8 first;
        uint8 count;
        bool sells;
    }

    struct Inventory {
        Clock clock;
        Flow flow;
        Lot[8] lots;
    }

    /// @dev An asset as of now.
    struct View {
        IRounds.Sale sale;
        Clock clock;
        Flow flow;
        /// Whether `clock` is not what is stored.
        bool moved;
    }

    IRounds internal immutable ROUNDS;
    uint256 internal immutable BLOCK_TIME;
    uint256 internal immutable FLOOR_DISCOUNT;
    uint256 internal immutable MAX_IMPACT;
    /// @dev Besides cash.
    uint256 internal immutable ASSETS;

    Inventory[8] internal _inventories;

    constructor(IRounds rounds_, uint256 blockTime, uint256 floorDiscount, uint256 maxImpact) {
        if (blockTime == 0) revert InvalidConfig("blockTime");
        if (floorDiscount > FLOOR_DISCOUNT_MOST) revert InvalidConfig("floorDiscount");
        if (maxImpact == 0 || maxImpact > RiskParameters.ONE) revert InvalidConfig("maxImpact");
        ROUNDS = rounds_;
        ASSETS = rounds_.assetCount();
        (BLOCK_TIME, FLOOR_DISCOUNT, MAX_IMPACT) = (blockTime, floorDiscount, maxImpact);
    }

    function _load(uint256 asset) internal view returns (View memory v) {
        return _viewOf(asset, _inventories[asset].flow);
    }

    /// @dev Where there are no lots no round is written: then clocks count from the latest one, by its terms.
    function _viewOf(uint256 asset, Flow memory f) internal view returns (View memory v) {
        v = View(ROUNDS.sale(asset), _inventories[asset].clock, f, false);
        if (v.sale.round == 0 || (f.time == v.sale.time && f.saleDuration != 0)) return v;
        if (f.from < v.sale.time) f.from = v.sale.time;
        _setTerms(v, asset);
    }

    function _setTerms(View memory v, uint256 asset) private view {
        (Flow memory f, IRounds.Sale memory s) = (v.flow, v.sale);
        (uint256 s5, uint256 quantile) = ROUNDS.reading(asset);
        uint256 premium = Ways.premiumUp(quantile, s.maxAge);
        uint256 pace = Ways.paceUp(s5, BLOCK_TIME);
        (f.time, f.held, f.premium) = (s.time, s.held, uint16(premium));
        Way memory way = Ways.wayOf(true, s.price, s.sell, s.buy, premium, FLOOR_DISCOUNT);
        f.saleDuration = uint16(way.durationUp(s.price, pace));
        way = Ways.wayOf(false, s.price, s.sell, s.buy, premium, FLOOR_DISCOUNT);
        f.purchaseDuration = uint16(way.durationUp(s.price, pace));
    }

    /// @dev Clocks run up to the round by the terms of before, and go back so far that no lot is cheaper than the front
    /// lot just was; after an outage or a hold none than the new mark either.
    /// @param front The front lot's price just before, by the terms and the marks of before.
    function _open(View memory v, uint256 asset, uint256 front) internal view {
        (Flow memory f, IRounds.Sale memory s) = (v.flow, v.sale);
        if (f.time == 0) {
            f.from = s.time;
            _setTerms(v, asset);
            return;
        }
        uint256 clock = _clockAt(v, s.time);
        bool interrupted = f.held || s.time - f.time >= s.maxAge;
        if (f.from < s.time) f.from = s.time;
        _setTerms(v, asset);
        (v.clock.clock, v.moved) = (uint64(clock), true);
        if (s.held) return;
        if (interrupted && (f.sells ? s.price > front : s.price < front)) front = s.price;
        _setBack(v, clock, front);
    }

    function _change(uint256 asset, int256 delta, bool isResolve) internal {
        Flow memory f = _inventories[asset].flow;
        bool up = delta > 0;
        uint256 units = uint256(up ? delta : -delta);
        if (f.sells != up) {
            units = _netYoungest(asset, f, units);
            if (f.count == 0) f.sells = up;
        }
        // 2^32 accounts of a word each hold less: the sum of all lots fits.
        if (units > type(uint96).max) revert AmountTooLarge(units);
        if (units > 0) {
            // forge-lint: disable-next-line(unsafe-typecast)
            if (f.count == 0) _begin(asset, f, uint96(units));
            // forge-lint: disable-next-line(unsafe-typecast)
            else _add(asset, f, uint96(units), isResolve);
        }
        _inventories[asset].flow = f;
    }

    /// @dev The first lot: the clock stands until now, and the round's terms are made where somebody asks for them.
    function _begin(uint256 asset, Flow memory f, uint96 units) private {
        (uint64 round, uint40 time) = ROUNDS.stamp();
        if (f.time != time) (f.time, f.saleDuration) = (time, 0);
        if (f.from < block.timestamp) f.from = uint40(block.timestamp);
        // forge-lint: disable-next-line(unsafe-typecast)
        f.youngestRound = uint32(round);
        _append(asset, f, Lot(f.nextId, units, _inventories[asset].clock.clock, uint40(block.timestamp)));
    }

    /// @dev What comes to lots that there are.
    function _add(uint256 asset, Flow memory f, uint96 units, bool isResolve) private {
        View memory v = _viewOf(asset, f);
        Lot memory lot = Lot(f.nextId, units, uint64(_clockAt(v, block.timestamp)), uint40(block.timestamp));
        // forge-lint: disable-next-line(unsafe-typecast)
        uint32 round = uint32(v.sale.round);
        bool joins = !isResolve || f.youngestRound == round;
        if (joins || f.count == LOTS_MOST) _joinYoungest(asset, v, lot);
        else _append(asset, f, lot);
        if (!joins) f.youngestRound = round;
    }

    function _append(uint256 asset, Flow memory f, Lot memory lot) private {
        _inventories[asset].lots[(f.first + f.count) % LOTS_MOST] = lot;
        ++f.count;
        unchecked {
            ++f.nextId;
        }
        emit LotBegan(uint8(asset), lot.id, f.sells, lot.units);
    }

    /// @return rest What no lot had.
    function _netYoungest(uint256 asset, Flow memory f, uint256 units) private returns (uint256 rest) {
        rest = units;
        while (rest > 0 && f.count > 0) {
            Lot storage lot = _inventories[asset].lots[(f.first + f.count - 1) % LOTS_MOST];
            uint96 had = lot.units;
            if (had > rest) {
                // forge-lint: disable-next-line(unsafe-typecast)
                lot.units = had - uint96(rest);
                return 0;
            }
            rest -= had;
            --f.count;
            // A lot that is now the youngest began in an earlier round.
            f.youngestRound = 0;
        }
    }

    /// @dev The clock of the two by weight, its start rounded down: dust turns the older clock back not at all.
    function _joinYoungest(uint256 asset, View memory v, Lot memory lot) private {
        Lot storage youngest = _inventories[asset].lots[(v.flow.first + v.flow.count - 1) % LOTS_MOST];
        Lot memory old = youngest;
        uint256 units = uint256(old.units) + lot.units;
        uint256 setBack = v.clock.setBack;
        uint256 starts = old.units * Math.max(old.start, setBack) + lot.units * Math.max(lot.start, setBack);
        if (units > type(uint96).max) revert AmountTooLarge(units);
        // forge-lint: disable-next-line(unsafe-typecast)
        (old.units, old.start) = (uint96(units), uint64(starts / units));
        if (lot.since < old.since) old.since = lot.since;
        _inventories[asset].lots[(v.flow.first + v.flow.count - 1) % LOTS_MOST] = old;
    }

    function _store(uint256 asset, View memory v) internal {
        if (v.moved) _inventories[asset].clock = v.clock;
        _inventories[asset].flow = v.flow;
    }

    /// @dev Counts units as traded. Where the grid step has little room left the clock stands until the next one, and
    /// what is beyond the mark goes back to it: a discount that paid for the market's move is a gift once that is
    /// undone.
    function _trade(View memory v, uint256 units) internal view {
        (Clock memory c, Flow memory f) = (v.clock, v.flow);
        uint256 step = block.timestamp / MarginRule.GRID_SECONDS;
        uint256 traded = Math.min((c.step == step ? c.traded : 0) + units, type(uint96).max);
        (c.step, c.traded, v.moved) = (uint32(step), uint96(traded), true);
        uint256 cap = _cap(v.sale);
        uint256 next = (step + 1) * MarginRule.GRID_SECONDS;
        if (cap == type(uint256).max || (cap - traded) * ROOM_PARTS >= cap || f.from >= next) return;
        uint256 clock = _clockAt(v, block.timestamp);
        (c.clock, f.from) = (uint64(clock), uint40(next));
        _setBack(v, clock, v.sale.price);
    }

    /// @dev Sets clocks back to where the price is not worse for the backstop than `to`.
    function _setBack(View memory v, uint256 clock, uint256 to) private view {
        uint256 most = _wayOf(v).pointOf(to);
        if (clock > most && clock - most > v.clock.setBack) v.clock.setBack = uint64(clock - most);
    }

    function _priced(IRounds.Sale memory s) internal view returns (bool) {
        return s.round != 0 && !s.held && block.timestamp - s.time < s.maxAge;
    }

    function _cap(IRounds.Sale memory s) internal view returns (uint256) {
        if (s.depth == 0) return type(uint256).max;
        return Math.max(1, s.depth * MAX_IMPACT / RiskParameters.ONE);
    }

    /// @return What the grid step has left.
    function _room(View memory v) internal view returns (uint256) {
        uint256 cap = _cap(v.sale);
        uint256 traded = v.clock.step == block.timestamp / MarginRule.GRID_SECONDS ? v.clock.traded : 0;
        return cap > traded ? cap - traded : 0;
    }

    function _wayOf(View memory v) internal view returns (Way memory) {
        IRounds.Sale memory s = v.sale;
        return Ways.wayOf(v.flow.sells, s.price, s.sell, s.buy, v.flow.premium, FLOOR_DISCOUNT);
    }

    /// @dev The asset's clock: that at `from`, and the seconds since, up to `roundMin` after the round, none while it
    /// is held.
    function _clockAt(View memory v, uint256 time) private pure returns (uint256) {
        Flow memory f = v.flow;
        uint256 clock = v.clock.clock;
        if (f.time == 0 || f.held) return clock;
        uint256 end = Math.min(time, uint256(f.time) + v.sale.roundMin);
        if (end <= f.from) return clock;
        return clock + Ways.shareDown(end - f.from, f.sells ? f.saleDuration : f.purchaseDuration);
    }

    /// @dev A change of `roundMin` may turn a clock back behind a lot's start.
    function _lotClock(View memory v, Lot memory lot) internal view returns (uint256) {
        uint256 clock = _clockAt(v, block.timestamp);
        uint256 start = Math.max(lot.start, v.clock.setBack);
        return clock > start ? Math.min(Ways.WAY, clock - start) : 0;
    }

    function _lotAt(uint256 asset, Flow memory f, uint256 i) internal view returns (Lot memory) {
        return _inventories[asset].lots[(f.first + i) % LOTS_MOST];
    }
}
