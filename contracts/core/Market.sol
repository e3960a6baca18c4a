// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

import {IMarket} from "../interfaces/IMarket.sol";
import {IRounds} from "../interfaces/IRounds.sol";
import {IVault} from "../interfaces/IVault.sol";
import {Way, Ways} from "../libraries/Ways.sol";
import {Auctions} from "./Auctions.sol";

/// @title The liquidation market; see `IMarket` for what each function promises.
/// @dev Holds no tokens: the vault does, whose lock spans a take from outside. Everything here is as it will be before
/// the vault is called. Rounds cannot be posted without it, so nothing in `closeRound` and `openRound` reverts, or
/// loops over more than eight lots.
contract Market is Auctions {
    using Ways for Way;

    /// @dev A lot of less than this part of the inventory is dust.
    uint256 private constant FRONT_PARTS = 16;
    uint256 private constant ONE = 1 << 32;

    struct Loss {
        uint64 epoch;
        uint192 value;
    }

    struct Fill {
        bool sells;
        uint256 waiting;
        /// Sum of units times price.
        uint256 worth;
        /// Parts of the oldest lots, and their prices.
        uint256 parts;
        uint256[8] units;
        uint256[8] prices;
    }

    IVault private immutable VAULT;
    /// @dev Base units of cash that its token has one unit for.
    uint256 private immutable CASH_UNIT;

    Loss private _loss;

    modifier onlyVault() {
        if (msg.sender != address(VAULT)) revert NotVault();
        _;
    }

    modifier onlyRounds() {
        if (msg.sender != address(ROUNDS)) revert NotRounds();
        _;
    }

    modifier known(uint256 asset) {
        if (asset == 0 || asset > ASSETS) revert UnknownAsset(asset);
        _;
    }

    constructor(Config memory c)
        Auctions(IRounds(IVault(c.vault).rounds()), c.blockTime, c.floorDiscount, c.maxImpact)
    {
        VAULT = IVault(c.vault);
        (, uint8 tokenDecimals, uint8 decimals,,,) = VAULT.assetInfo(0);
        CASH_UNIT = decimals > tokenDecimals ? 10 ** (decimals - tokenDecimals) : 1;
    }

    /// @inheritdoc IMarket
    function take(uint8 asset, uint256 units, uint256 limit, address recipient, bytes calldata data)
        external
        known(asset)
        returns (uint256 cash)
    {
        View memory v = _load(asset);
        Fill memory f = _quoted(v, asset, units);
        cash = _outside(f);
        if (f.sells ? cash > limit : cash < limit) revert BeyondLimit(cash);
        _requireCash(f.sells, cash);
        uint256 lost = _fill(v, asset, f, units, cash, msg.sender);
        if (lost > 0) {
            uint256 epoch = VAULT.epochs();
            _loss = Loss(uint64(epoch), uint192(lost + (_loss.epoch == epoch ? _loss.value : 0)));
        }
        if (f.sells) VAULT.exchange(asset, units, 0, cash, msg.sender, recipient, data);
        else VAULT.exchange(0, cash, asset, units, msg.sender, recipient, data);
    }

    /// @inheritdoc IMarket
    function unwind(uint256 step, uint256 asset, uint256 units, uint256 cash, bool buys) external onlyVault {
        if (asset == 0 || asset > ASSETS || units == 0) revert BackstopSide(step);
        View memory v = _load(asset);
        Fill memory f = _parts(v, asset, units);
        if (f.sells != buys || units > f.waiting) revert BackstopSide(step);
        if (units > type(uint64).max || cash > type(uint64).max) revert AmountTooLarge(units > cash ? units : cash);
        if (!_priced(v.sale)) revert BackstopPrice(step);
        if (buys ? cash << 32 < f.worth : cash << 32 > f.worth) revert BackstopPrice(step);
        if (units > _room(v) || (!buys && cash > _spendable())) revert BackstopRoom(step);
        _fill(v, asset, f, units, cash, address(0));
    }

    /// @inheritdoc IMarket
    function changed(uint256 asset, int256 delta, bool isResolve) external onlyVault {
        _change(asset, delta, isResolve);
    }

    /// @inheritdoc IMarket
    function closeRound() external onlyRounds returns (uint256[7] memory fronts) {
        for (uint256 a = 1; a <= ASSETS; ++a) {
            Flow memory f = _inventories[a].flow;
            if (f.count == 0) continue;
            bool made = f.saleDuration != 0;
            View memory v = _viewOf(a, f);
            if (v.sale.round == 0) continue;
            if (!made) _inventories[a].flow = f;
            uint256 total = _total(a, f);
            for (uint256 i = 0; i < f.count; ++i) {
                Lot memory lot = _lotAt(a, f, i);
                if (lot.units * FRONT_PARTS < total) continue;
                fronts[a - 1] = _wayOf(v).priceAt(_lotClock(v, lot));
                break;
            }
        }
    }

    /// @inheritdoc IMarket
    function keepTerms() external onlyRounds {
        for (uint256 a = 1; a <= ASSETS; ++a) {
            _inventories[a].flow = _load(a).flow;
        }
    }

    /// @inheritdoc IMarket
    function openRound(uint256[7] calldata fronts) external onlyRounds {
        for (uint256 a = 1; a <= ASSETS; ++a) {
            if (_inventories[a].flow.count == 0) continue;
            View memory v = View(ROUNDS.sale(a), _inventories[a].clock, _inventories[a].flow, false);
            _open(v, a, fronts[a - 1]);
            _store(a, v);
        }
    }

    /// @inheritdoc IMarket
    function lots(uint256 asset)
        external
        view
        known(asset)
        returns (bool sells, Offer[] memory offers, uint256 available)
    {
        View memory v = _load(asset);
        bool priced = _priced(v.sale);
        sells = v.flow.sells;
        offers = new Offer[](v.flow.count);
        for (uint256 i = 0; i < offers.length; ++i) {
            Lot memory lot = _lotAt(asset, v.flow, i);
            offers[i] = Offer(lot.id, lot.units, lot.since, priced ? _wayOf(v).priceAt(_lotClock(v, lot)) : 0);
            available += lot.units;
        }
        uint256 room = _room(v);
        if (!priced) available = 0;
        else if (available > room) available = room;
    }

    /// @inheritdoc IMarket
    function price(uint256 asset) external view known(asset) returns (uint256) {
        View memory v = _load(asset);
        if (v.flow.count == 0 || !_priced(v.sale)) return 0;
        return _wayOf(v).priceAt(_lotClock(v, _lotAt(asset, v.flow, 0)));
    }

    /// @inheritdoc IMarket
    function quote(uint256 asset, uint256 units)
        external
        view
        known(asset)
        returns (bool sells, uint256 inside, uint256 outside)
    {
        Fill memory f = _quoted(_load(asset), asset, units);
        (sells, inside, outside) = (f.sells, _inside(f), _outside(f));
        _requireCash(sells, outside);
    }

    /// @inheritdoc IMarket
    function auction(uint256 asset) external view known(asset) returns (Auction memory a) {
        View memory v = _load(asset);
        (Clock memory c, Flow memory f, IRounds.Sale memory s) = (v.clock, v.flow, v.sale);
        a.sells = f.sells;
        a.lots = new Lot[](f.count);
        for (uint256 i = 0; i < f.count; ++i) {
            a.lots[i] = _lotAt(asset, f, i);
        }
        (a.clock, a.setBack, a.from, a.youngestRound) = (c.clock, c.setBack, f.from, f.youngestRound);
        (a.nextId, a.step, a.traded) = (f.nextId, c.step, c.traded);
        (a.terms.round, a.terms.time, a.terms.held) = (s.round, s.time, s.held);
        if (s.round == 0) return a;
        (a.terms.price, a.terms.sell, a.terms.buy) = (s.price, s.sell, s.buy);
        (a.terms.premium, a.terms.saleDuration, a.terms.purchaseDuration) =
            (f.premium, f.saleDuration, f.purchaseDuration);
        a.terms.cap = _cap(s);
    }

    /// @inheritdoc IMarket
    function loss() external view returns (uint256) {
        return _loss.epoch == VAULT.epochs() ? _loss.value : 0;
    }

    /// @inheritdoc IMarket
    function config() external view returns (Config memory) {
        return Config(address(VAULT), uint32(BLOCK_TIME), uint16(FLOOR_DISCOUNT), uint16(MAX_IMPACT));
    }

    /// @inheritdoc IMarket
    function vault() external view returns (address) {
        return address(VAULT);
    }

    /// @dev Takes what was quoted off the lots, and says so.
    /// @param taker 0: an account inside.
    /// @return lost Value against the mark that left at a discount.
    function _fill(View memory v, uint256 asset, Fill memory f, uint256 units, uint256 cash, address taker)
        private
        returns (uint256 lost)
    {
        (Flow memory flow, IRounds.Sale memory s) = (v.flow, v.sale);
        for (uint256 i = 0; i < f.parts; ++i) {
            Lot storage lot = _inventories[asset].lots[flow.first];
            uint96 had = lot.units;
            // forge-lint: disable-next-line(unsafe-typecast)
            uint96 taken = uint96(f.units[i]);
            emit LotTaken(uint8(asset), lot.id, taken, f.prices[i]);
            if (taken < had) {
                lot.units = had - taken;
            } else {
                flow.first = uint8((flow.first + 1) % LOTS_MOST);
                --flow.count;
            }
        }
        _trade(v, units);
        _store(asset, v);

        uint256 paid = cash << 32;
        uint256 bound = f.sells ? s.sell : s.buy;
        uint256 penalty = units * (f.sells ? s.price - bound : bound - s.price);
        int256 kept = int256(paid) - int256(units * bound);
        if (!f.sells) kept = -kept;
        (uint256 more, uint256 less) = f.sells ? (units * s.price, paid) : (paid, units * s.price);
        if (taker != address(0) && more > less) lost = more - less;
        if (cash > type(uint64).max) revert AmountTooLarge(cash);
        // forge-lint: disable-next-line(unsafe-typecast)
        emit Filled(uint8(asset), taker, f.sells, uint96(units), uint64(cash), s.price, lost, kept, penalty);
    }

    function _quoted(View memory v, uint256 asset, uint256 units) private view returns (Fill memory f) {
        if (!_priced(v.sale)) revert NoPrice(asset);
        if (units == 0) revert AmountZero();
        f = _parts(v, asset, units);
        if (units > f.waiting) revert BeyondInventory(units, f.waiting);
        uint256 room = _room(v);
        if (units > room) revert BeyondCap(units, room);
    }

    /// @return f What units would be taken of which lots, as far as there are so many.
    function _parts(View memory v, uint256 asset, uint256 units) private view returns (Fill memory f) {
        f.sells = v.flow.sells;
        Way memory way = _wayOf(v);
        uint256 rest = units;
        for (uint256 i = 0; i < v.flow.count; ++i) {
            Lot memory lot = _lotAt(asset, v.flow, i);
            f.waiting += lot.units;
            if (rest == 0) continue;
            (f.units[i], f.prices[i]) = (Math.min(rest, lot.units), way.priceAt(_lotClock(v, lot)));
            f.worth += f.units[i] * f.prices[i];
            rest -= f.units[i];
            ++f.parts;
        }
    }

    function _inside(Fill memory f) private pure returns (uint256) {
        return f.sells ? Math.ceilDiv(f.worth, ONE) : f.worth / ONE;
    }

    function _outside(Fill memory f) private view returns (uint256 cash) {
        cash = _inside(f);
        uint256 part = cash % CASH_UNIT;
        if (part != 0) cash = f.sells ? cash + CASH_UNIT - part : cash - part;
    }

    function _requireCash(bool sells, uint256 cash) private view {
        if (sells) return;
        uint256 spendable = _spendable();
        if (cash > spendable) revert BeyondCash(cash, spendable);
    }

    /// @return Cash that buying back may spend: the backstop's own, as far as it is in free custody.
    function _spendable() private view returns (uint256) {
        int256 own = VAULT.ledger(0).backstop;
        return own <= 0 ? 0 : Math.min(uint256(own), VAULT.free(0));
    }

    function _total(uint256 asset, Flow memory f) private view returns (uint256 total) {
        for (uint256 i = 0; i < f.count; ++i) {
            total += _lotAt(asset, f, i).units;
        }
    }
}
