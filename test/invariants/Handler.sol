// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IForced} from "../../contracts/interfaces/IForced.sol";
import {IVault} from "../../contracts/interfaces/IVault.sol";
import {VM, World} from "./World.sol";

/// @title Users, an operator that proves what it likes, and a model of every private balance.
/// @dev Every call is to succeed: what the contracts would rightly refuse is not asked of them here, so whatever reverts is a
/// fault, of theirs or of the model.
abstract contract Handler is World {
    uint256 internal constant ONE = 1 << 32;
    uint256 private constant ACCOUNTS = 6;
    uint256 internal constant USERS = 4;
    /// @dev Lists grow no further.
    uint256 private constant MOST = 40;

    struct Queued {
        bool opens;
        bool takenBack;
        uint32 index;
        uint8 asset;
        uint64 amount;
        address user;
    }

    struct Debt {
        uint256 value;
        uint256 start;
        uint256 amount;
        uint256[4] prices;
    }

    int256[4][6] internal balances;
    uint256 internal accounts;
    uint256 internal opens;
    int256[4] internal inventory;
    uint256[4] internal pending;
    uint256[4] internal pendingInFull;
    uint256[4] internal waiting;
    uint256[4] internal claimable;
    uint256[4] internal queued;
    uint256 internal insuring;
    Queued[] internal deposits;
    uint256 internal head;
    /// @dev Ids that bounced and were not refunded.
    uint256[] internal bounced;
    uint256 internal withdrawals;
    mapping(uint256 => uint256) internal collected;
    uint64[] internal requests;
    uint64[7] internal prices;
    uint64[12][7] internal marks;

    uint256 internal epoch;
    uint256 internal sound;
    uint256[2] internal ratio;
    mapping(uint256 => Debt) internal debts;
    uint256 internal owed;
    uint256 internal repaid;
    uint256 internal shares;
    uint256 internal offered;
    int256[6] internal savedEquity;
    uint256 internal savedAccounts;
    uint256 internal savedHead;
    /// @dev Value that takes brought less than the mark since the last checkpoint.
    uint256 internal lost;

    /// @notice How often what happened.
    mapping(string => uint256) public counts;

    constructor() {
        create();
        ratio = [uint256(1), 1];
        for (uint256 u = 0; u < USERS; ++u) {
            VM.deal(userOf(u), 1e30);
            for (uint256 a = 0; a < SYNTHETIC; ++a) {
                VM.prank(userOf(u));
                tokens[a].approve(address(vault), type(uint256).max);
            }
        }
        _post(194 * ONE / 100, 5000 * ONE / 100, 20 * ONE / 100);
    }

    function userOf(uint256 u) internal pure returns (address) {
        return address(uint160(0x1000 + u % USERS));
    }

    /// @notice Four accounts, two of them with as much of the synthetic as they can carry, long and short.
    function begin() external {
        deposit(0, 0, 4_999, true, 0);
        deposit(1, 1, 199, true, 0);
        deposit(2, 0, 1_999, true, 0);
        deposit(3, 0, 2_499, true, 0);
        for (uint256 i = 0; i < 4; ++i) {
            consume(1);
        }
        trade(2, 3, 2, 4_000 * 1e8 - 1);
        trade(2, 3, 2, 200 * 1e8);
        trade(1, 0, 0, 100 * 1e8);
    }

    // ------------------------------------------------------------------------------------------------ deposits

    function deposit(uint256 u, uint8 asset, uint64 amount, bool opening, uint32 index) public {
        if (deposits.length - head > 8 || deposits.length > 3 * MOST) return;
        asset = asset % 3;
        uint256 units = (1 + amount % 5_000) * (asset == 0 ? 1e6 : 1e8);
        address user = userOf(u);
        tokens[asset].mint(user, inTokens(asset, units));
        opening = opens == 0 || (opening && opens < ACCOUNTS);
        if (opening) {
            (uint256 x, uint256 y) = keyOf(opens);
            VM.prank(user);
            (, index) = vault.open{value: 1}(asset, inTokens(asset, units), x, y, true);
            require(index == opens++, "index");
        } else {
            index = uint32(index % opens);
            bytes32 owner = vault.ownerOf(index);
            VM.prank(user);
            vault.topUp(index, owner, asset, inTokens(asset, units));
        }
        deposits.push(Queued(opening, false, index, asset, uint64(units), user));
        queued[asset] += units;
        ++counts["deposit"];
    }

    function consume(uint8 dice) public {
        if (head == deposits.length) return;
        Queued memory d = deposits[head];
        (uint256 x, uint256 y) = keyOf(d.index);
        if (d.opens) {
            ++accounts;
            _step(1, d.index, d.asset, d.amount, x, y);
        } else if (dice % 6 == 0 && d.amount > 0) {
            _step(9, d.index, d.asset, d.amount, 0, 0);
            bounced.push(head++);
            ++counts["bounce"];
            return;
        } else {
            _step(2, d.index, d.asset, d.amount, 0, 0);
        }
        ++head;
        balances[d.index][d.asset] += int256(uint256(d.amount));
        queued[d.asset] -= d.amount;
    }

    function refund() external {
        if (bounced.length == 0) return;
        uint256 id = bounced[bounced.length - 1];
        bounced.pop();
        Queued memory d = deposits[id];
        uint256 before = tokens[d.asset].balanceOf(d.user);
        vault.refund(id);
        require(tokens[d.asset].balanceOf(d.user) - before == inTokens(d.asset, d.amount), "refund");
        queued[d.asset] -= d.amount;
        ++counts["refund"];
    }

    /// @dev Before its deadline it is refused.
    function takeBack(uint256 i) external {
        if (head == deposits.length) return;
        uint256 id = head + i % (deposits.length - head);
        Queued memory d = deposits[id];
        if (d.takenBack) return;
        bool late = vault.deposit(id).deadline < rounds.liveTime();
        uint256 before = tokens[d.asset].balanceOf(d.user);
        VM.prank(d.user);
        try vault.takeBack(id) {
            require(late, "taken back too soon");
        } catch {
            require(!late, "not taken back");
            return;
        }
        require(tokens[d.asset].balanceOf(d.user) - before == inTokens(d.asset, d.amount), "taken back");
        (deposits[id].takenBack, deposits[id].amount) = (true, 0);
        queued[d.asset] -= d.amount;
        ++counts["take back"];
    }

    // ------------------------------------------------------------------------------------- withdrawals and trades

    function withdraw(uint256 i, uint8 asset, uint64 amount, uint256 u, bool inFull) public {
        if (accounts == 0 || withdrawals >= MOST) return;
        (i, asset) = (i % accounts, asset % 3);
        uint256 units = _withdrawable(i, asset, amount);
        if (units == 0) return;
        _withdraw(i, asset, units, inFull);
        _step(3, i, asset, units, uint160(userOf(u)) | (inFull ? 1 << 160 : 0), 0);
    }

    function trade(uint256 i, uint256 j, uint8 asset, uint64 amount) public {
        if (accounts < 2) return;
        (i, j, asset) = (i % accounts, j % accounts, 1 + asset % 3);
        if (i == j) return;
        for (uint256 x = 1 + amount % (4_000 * 1e8); x > 0; x /= 4) {
            int256 y = int256(x * prices[asset - 1] / ONE);
            int256[4] memory a = balances[i];
            int256[4] memory b = balances[j];
            (a[asset], a[0]) = (a[asset] + int256(x), a[0] - y);
            (b[asset], b[0]) = (b[asset] - int256(x), b[0] + y);
            if (!_safe(a) || !_safe(b)) continue;
            (balances[i], balances[j]) = (a, b);
            _step(4, i, 0, 0, 0, 0);
            ++counts["trade"];
            return;
        }
    }

    /// @notice An account trades with the backstop, at the lots' prices.
    function unwind(uint256 i, uint8 asset, uint64 amount) external {
        if (accounts == 0) return;
        (i, asset) = (i % accounts, 1 + asset % 3);
        if (inventory[asset] == 0) return;
        _refresh();
        (bool buys,, uint256 available) = market.lots(asset);
        if (available == 0) return;
        for (uint256 x = 1 + amount % available; x > 0; x /= 4) {
            (uint256 y,) = _quoted(asset, x);
            if (y == type(uint256).max) continue;
            (int256 dx, int256 dy) = buys ? (int256(x), int256(y)) : (-int256(x), -int256(y));
            int256[4] memory a = balances[i];
            (a[asset], a[0]) = (a[asset] + dx, a[0] - dy);
            if (!_safe(a)) continue;
            balances[i] = a;
            inventory[asset] -= dx;
            inventory[0] += dy;
            _step(5, i, asset, x, y, buys ? 1 : 0);
            ++counts["unwind"];
            return;
        }
    }

    /// @notice Somebody outside takes of the lots, for tokens.
    function take(uint256 u, uint8 asset, uint64 amount) external {
        asset = 1 + asset % 2;
        if (inventory[asset] == 0) return;
        _refresh();
        (bool sells,, uint256 available) = market.lots(asset);
        uint256 free = _takeable(asset);
        if (sells && available > free) available = free;
        if (available == 0) return;
        uint256 x = 1 + amount % available;
        x -= x % grain(asset);
        if (x == 0) return;
        (, uint256 cash) = _quoted(asset, x);
        if (cash == 0 || cash == type(uint256).max || (!sells && cash > _takeable(0))) return;
        address user = userOf(u);
        (uint8 into, uint256 owes) = sells ? (0, cash) : (asset, x);
        (uint8 out, uint256 got) = sells ? (asset, x) : (0, cash);
        tokens[into].mint(user, inTokens(into, owes));
        uint256 before = tokens[out].balanceOf(user);
        VM.prank(user);
        market.take(asset, x, cash, user, "");
        require(tokens[out].balanceOf(user) - before == inTokens(out, got), "taken");
        inventory[out] -= int256(got);
        inventory[into] += int256(owes);
        (uint256 worth, uint256 paid) = (x * marks[asset - 1][0], cash << 32);
        (uint256 more, uint256 less) = sells ? (worth, paid) : (paid, worth);
        if (more > less) {
            lost += more - less;
            ++counts["take at a discount"];
        }
        ++counts["take"];
    }

    /// @dev Free custody, but for deposits since the last checkpoint, which a freeze gives back.
    function _takeable(uint256 asset) private view returns (uint256) {
        uint256 free = vault.free(uint8(asset));
        uint256 held = free + pending[asset];
        uint256 fresh = vault.ledger(uint8(asset)).consumed - vault.lastCheckpoint().consumed[asset];
        uint256 rest = held > fresh ? held - fresh : 0;
        return rest < free ? rest : free;
    }

    /// @return inside Cash for so many units, for an account; 2^256 - 1 where the backstop has not so much.
    /// @return outside The same for anybody else.
    function _quoted(uint256 asset, uint256 x) private view returns (uint256 inside, uint256 outside) {
        try market.quote(asset, x) returns (bool, uint256 a, uint256 b) {
            return (a, b);
        } catch {
            require(inventory[asset] < 0, "no price for what is sold");
            return (type(uint256).max, type(uint256).max);
        }
    }

    /// @dev A round at the prices there are, where the latest is too old to sell by.
    function _refresh() private {
        if (block.timestamp - rounds.postedAt() >= 900) _post(prices[0], prices[2], prices[1]);
    }

    function claim(uint256 i) external {
        if (withdrawals > 0) _claim(i % withdrawals);
    }

    function collectOwed(uint256 i) external {
        if (withdrawals > 0) _collectOwed(i % withdrawals);
    }

    // ----------------------------------------------------------------------------------------------- the backstop

    /// @notice Prices move, and whoever is breached is closed in the same round. Now and then a token is worth nothing.
    function move(uint16 a, uint16 b, uint16 c, uint8 dice) external {
        VM.warp(block.timestamp + 310);
        uint64[7] memory p = prices;
        uint64 first = _moved(p[0], a, 194 * ONE / 100);
        _post(dice % 24 == 0 ? 1 + a % 50 : first, _moved(p[2], b, 5000 * ONE / 100), _moved(p[1], c, 20 * ONE / 100));
        _closeBreached();
    }

    /// @notice Prices move against what the backstop holds and owes, just when somebody withdraws.
    function crisis(uint256 i, uint8 asset, uint64 amount, uint256 u, bool inFull) external {
        VM.warp(block.timestamp + 310);
        uint256[3] memory p;
        for (uint256 a = 0; a < 3; ++a) {
            uint256 percent = inventory[a + 1] > 0 ? 85 : inventory[a + 1] < 0 ? 118 : 100;
            p[a] = 1 + prices[a] * percent / 100;
        }
        _post(p[0], p[2], p[1]);
        _closeBreached();
        withdraw(i, asset, amount, u, inFull);
        checkpoint();
    }

    function _closeBreached() private {
        int256[8] memory delta;
        uint256 badDebt;
        bool any;
        for (uint256 i = 0; i < accounts; ++i) {
            int256[4] memory account = balances[i];
            if (_health(account, 1, 2) >= 0) continue;
            any = true;
            int256 proceeds;
            for (uint256 k = 1; k < ASSETS; ++k) {
                proceeds += account[k] * int256(uint256(marks[k - 1][account[k] > 0 ? 5 : 6]));
                delta[k] += account[k];
                account[k] = 0;
            }
            int256 cash = account[0] + (proceeds >> 32);
            if (cash < 0) {
                badDebt += uint256(-cash);
                cash = 0;
                ++counts["bad debt"];
            }
            delta[0] += account[0] - cash;
            account[0] = cash;
            balances[i] = account;
            ++counts["liquidation"];
        }
        if (!any) return;
        for (uint256 k = 0; k < ASSETS; ++k) {
            inventory[k] += delta[k];
        }
        settlement.liquidated(delta, badDebt);
    }

    function donate(uint256 u, uint64 amount) external {
        // Now and then of a token, which joins the youngest lot.
        uint8 asset = uint8(amount % 8 == 1 ? 1 + u % 2 : 0);
        uint256 units = asset == 0 ? 1 + amount % 500e6 : (1 + amount % 3) * 1e8;
        tokens[asset].mint(userOf(u), inTokens(asset, units));
        VM.prank(userOf(u));
        vault.donate(asset, inTokens(asset, units));
        inventory[asset] += int256(units);
    }

    function insure(uint256 u, uint64 amount) external {
        if (!insurance.accepting()) return;
        amount = 1 + amount % 3_000e6;
        tokens[0].mint(userOf(u), amount);
        VM.prank(userOf(u));
        insurance.insure(amount);
        insuring += amount;
    }

    function cancel(uint256 u) external {
        (uint64 waits,,) = insurance.position(userOf(u));
        if (waits == 0) return;
        VM.prank(userOf(u));
        insurance.cancel();
        insuring -= waits;
    }

    function redeem(uint256 u, uint128 some) external {
        (uint256 owns,) = insurance.sharesOf(userOf(u));
        (, uint256 offers,) = insurance.position(userOf(u));
        if (owns <= offers || !insurance.accepting()) return;
        uint256 amount = 1 + some % (owns - offers);
        VM.prank(userOf(u));
        insurance.redeem(amount);
        offered += amount;
    }

    function collect(uint256 u) external {
        (,, uint64 collectable) = insurance.position(userOf(u));
        if (collectable == 0) return;
        VM.prank(userOf(u));
        insurance.collect();
        claimable[0] -= collectable;
        ++counts["collection"];
    }

    /// @notice The epoch ends, by the rules, and the contracts arrive at the same.
    function checkpoint() public {
        int256 equity = _worth(inventory);
        int256 total = equity;
        for (uint256 i = 0; i < accounts; ++i) {
            savedEquity[i] = _worth(balances[i]);
            require(savedEquity[i] >= 0, "an account of negative equity");
            total += savedEquity[i];
        }
        (savedAccounts, savedHead, lost) = (accounts, head, 0);
        uint256 cut;
        for (uint256 a = 0; a < ASSETS; ++a) {
            total += int256((pending[a] + waiting[a]) * _price(a));
            if (equity < 0) cut += (pending[a] - pendingInFull[a]) * _price(a);
        }
        (uint256 num, uint256 den) = equity < 0 ? (uint256(total), uint256(total - equity)) : (1, 1);
        ratio = [num, den];
        uint256 debt = equity < 0 ? (cut - (cut * num + den - 1) / den) >> 32 : 0;
        if (debt > 0) {
            debts[epoch] = Debt(cut, owed, debt, [ONE, _price(1), _price(2), _price(3)]);
            owed += debt;
            ++counts["debt"];
        }
        for (uint256 a = 0; a < SYNTHETIC; ++a) {
            uint256 whole = pendingInFull[a];
            if (equity < 0) {
                uint256 ordinary = pending[a] - whole;
                uint256 paid = ordinary * num / den;
                claimable[a] += paid;
                waiting[a] += whole;
                inventory[a] += int256(ordinary - paid);
            } else {
                claimable[a] += pending[a] + waiting[a];
                waiting[a] = 0;
            }
            (pending[a], pendingInFull[a]) = (0, 0);
        }
        if (equity < 0) ++counts["checkpoint under water"];
        else sound = epoch + 1;
        ++epoch;
        uint256 period = insurance.period();
        settlement.checkpoint(epoch);
        if (equity >= 0) _insured(equity, insurance.period() > period);
        ++counts["checkpoint"];
    }

    // ------------------------------------------------------------------------------------------- forced requests

    function reserve(uint256 u, uint32 index) external {
        if (accounts == 0 || requests.length >= MOST) return;
        index = uint32(index % accounts);
        bytes32 owner = vault.ownerOf(index);
        if (forced.requestOf(index, userOf(u)) != 0) return;
        VM.prank(userOf(u));
        requests.push(forced.reserve{value: 3}(index, owner));
    }

    function submit(uint256 i, uint8 asset, uint64 amount, bool inFull, uint40 more) external {
        (uint64 number, IForced.Request memory r) = _request(i);
        if (r.state != IForced.State.Reserved) return;
        uint256 units = (1 + amount % 1e10) * grain(asset % 3);
        (uint256 x, uint256 y) = keyOf(0);
        uint40 expiry = uint40(forced.earliestExpiry() + more % 200_000);
        VM.prank(r.requester);
        forced.submit(number, asset % 3, uint64(units), userOf(amount), expiry, [x, y], 17, inFull);
    }

    /// @notice Of the synthetic, on either side, without a limit.
    function submitClose(uint256 i, uint64 amount, bool buys, uint40 more) external {
        (uint64 number, IForced.Request memory r) = _request(i);
        if (r.state != IForced.State.Reserved) return;
        uint64 units = uint64(1 + amount % forced.closeMost(SYNTHETIC));
        (uint256 x, uint256 y) = keyOf(0);
        uint40 expiry = uint40(forced.earliestExpiry() + more % 200_000);
        VM.prank(r.requester);
        forced.submitClose(
            number, uint8(SYNTHETIC), buys, units, buys ? type(uint64).max : 0, expiry, [x, y], 17
        );
    }

    function release(uint256 i) external {
        (uint64 number, IForced.Request memory r) = _request(i);
        if (r.state != IForced.State.Reserved) return;
        VM.prank(r.requester);
        forced.release(number);
        ++counts["release"];
    }

    /// @notice Served where the account can pay and the vault has it, else discharged at a later round.
    function serve(uint256 i) external {
        (uint64 number, IForced.Request memory r) = _request(i);
        if (r.state != IForced.State.Pending || r.closes || block.timestamp > r.expiry || withdrawals >= MOST) return;
        uint256 extra = uint160(r.recipient) | (r.inFull ? 1 << 160 : 0);
        int256[4] memory account = balances[r.index];
        account[r.asset] -= int256(uint256(r.amount));
        if (_safe(account)) {
            if (r.amount > vault.free(r.asset)) return;
            _withdraw(r.index, r.asset, r.amount, r.inFull);
            _step(7, r.index, r.asset, r.amount, extra, number);
            ++counts["served"];
        } else {
            if (rounds.roundNumber() <= r.round) return;
            (uint256 x, uint256 y) = keyOf(0);
            settlement.apply_([uint256(8), r.index, x, y, 17, r.expiry, r.asset, r.amount, extra, number]);
            ++counts["discharged"];
        }
    }

    /// @notice Carried out where the account has such a position, else discharged, where the backstop takes it.
    function serveClose(uint256 i) external {
        (uint64 number, IForced.Request memory r) = _request(i);
        if (r.state != IForced.State.Pending || !r.closes || block.timestamp > r.expiry) return;
        if (rounds.roundNumber() <= r.round) return;
        int256 position = balances[r.index][SYNTHETIC];
        if (r.buys) position = -position;
        uint256 x = position <= 0 || uint256(position) > r.amount ? r.amount : uint256(position);
        if (!_takes(r.buys, x)) return;
        uint256 word = SYNTHETIC + (r.buys ? 8 : 0);
        if (position <= 0) {
            (uint256 a, uint256 b) = keyOf(0);
            settlement.apply_([uint256(12), r.index, a, b, 17, r.expiry, word, r.amount, r.limit, number]);
            ++counts["close discharged"];
            return;
        }
        uint256 y = r.buys ? (x * marks[2][6] + ONE - 1) / ONE : x * marks[2][5] / ONE;
        (int256 dx, int256 dy) = r.buys ? (int256(x), int256(y)) : (-int256(x), -int256(y));
        balances[r.index][SYNTHETIC] += dx;
        balances[r.index][0] -= dy;
        inventory[SYNTHETIC] -= dx;
        inventory[0] += dy;
        word += x << 4 | y << 68;
        settlement.apply_([uint256(10), r.index, 5, 6, 7, 8, word, r.amount, r.limit, number]);
        ++counts["close"];
    }

    /// @dev Not while the backstop was under water at the last checkpoint, nor beyond `2 penalty depth`.
    function _takes(bool buys, uint256 x) private view returns (bool) {
        int256 before = inventory[SYNTHETIC];
        int256 afterwards = buys ? before - int256(x) : before + int256(x);
        if (vault.lastCheckpoint().equity < 0) return false;
        return _size(afterwards) <= 4_000 * 1e8 || _size(afterwards) <= _size(before);
    }

    function _size(int256 x) private pure returns (uint256) {
        return uint256(x < 0 ? -x : x);
    }

    function requeue(uint256 i) external {
        (uint64 number, IForced.Request memory r) = _request(i);
        if (r.state != IForced.State.Pending || r.deadline >= rounds.liveTime()) return;
        bool waits = r.closes ? !_takes(r.buys, r.amount) : r.amount > vault.free(r.asset);
        if (!waits || r.expiry < forced.earliestExpiry() - 86_400) return;
        VM.prank(r.requester);
        forced.requeue{value: 1}(number);
        ++counts["requeue"];
    }

    function closeExpired(uint256 i) external {
        (uint64 number, IForced.Request memory r) = _request(i);
        if (r.state != IForced.State.Pending || block.timestamp <= r.expiry) return;
        forced.closeExpired(number);
        ++counts["closed"];
    }

    function wait(uint16 seconds_) external {
        VM.warp(block.timestamp + seconds_ % 5_000);
    }

    // ---------------------------------------------------------------------------------------------------- private

    function _post(uint256 first, uint256 synthetic, uint256 second) private {
        prices = [uint64(first), uint64(second), uint64(synthetic), 0, 0, 0, 0];
        rounds.post(prices);
        marks = rounds.marks();
    }

    function _moved(uint64 price, uint16 by, uint256 usual) private pure returns (uint64) {
        uint256 moved = uint256(price) * (by % 3 == 0 ? 600 + by % 800 : 930 + by % 140) / 1000;
        return uint64(moved < usual / 100 || moved > usual * 100 ? usual : moved);
    }

    function _price(uint256 asset) internal view returns (uint256) {
        return asset == 0 ? ONE : prices[asset - 1];
    }

    function _worth(int256[4] memory amounts) internal view returns (int256 worth) {
        for (uint256 a = 0; a < ASSETS; ++a) {
            worth += amounts[a] * int256(_price(a));
        }
    }

    function _health(int256[4] memory amounts, uint256 up, uint256 down) private view returns (int256 health) {
        health = amounts[0] << 32;
        for (uint256 a = 1; a < ASSETS; ++a) {
            health += amounts[a] * int256(uint256(marks[a - 1][amounts[a] > 0 ? up : down]));
        }
    }

    function _safe(int256[4] memory amounts) private view returns (bool) {
        bool owes;
        for (uint256 a = 0; a < ASSETS; ++a) {
            if (amounts[a] < 0) owes = true;
            if (amounts[a] >= 1 << 64 || amounts[a] <= -(1 << 64)) return false;
        }
        return !owes || _health(amounts, 3, 4) >= int256(ONE);
    }

    function _step(uint256 op, uint256 index, uint256 asset, uint256 amount, uint256 u, uint256 v) private {
        settlement.apply_([op, index, 7777, 1, 2, 3, asset, amount, u, v]);
    }

    function _withdrawable(uint256 i, uint8 asset, uint64 amount) private view returns (uint256 units) {
        units = amount % (uint256(10_000) * (asset == 0 ? 1e6 : 1e8));
        uint256 free = vault.free(asset);
        if (units > free) units = free;
        for (; units > 0; units /= 4) {
            uint256 whole = units - units % grain(asset);
            int256[4] memory account = balances[i];
            account[asset] -= int256(whole);
            if (_safe(account)) return whole;
        }
    }

    function _withdraw(uint256 i, uint256 asset, uint256 units, bool inFull) private {
        balances[i][asset] -= int256(units);
        pending[asset] += units;
        if (inFull) pendingInFull[asset] += units;
        ++withdrawals;
        ++counts["withdrawal"];
    }

    function _claim(uint256 id) internal {
        IVault.Withdrawal memory w = vault.withdrawal(id);
        (uint256 num, uint256 den) = vault.payout(id);
        bool due = w.epoch < epoch && (!w.inFull || w.epoch < sound || vault.frozen());
        require(due == (den != 0), "due");
        if (w.claimed || !due) return;
        if (w.inFull) require(w.epoch < sound ? num == den : num == ratio[0] && den == ratio[1], "in full");
        uint256 units = uint256(w.amount) * num / den;
        units -= units % grain(w.asset);
        uint256 before = tokens[w.asset].balanceOf(w.recipient);
        vault.claim(id);
        require(tokens[w.asset].balanceOf(w.recipient) - before == inTokens(w.asset, units), "claim");
        claimable[w.asset] -= units;
        ++counts["claim"];
    }

    /// @dev The part of the first `upTo` of the line that is a withdrawal's.
    function _owedTo(uint256 id, uint256 upTo) internal view returns (uint256) {
        IVault.Withdrawal memory w = vault.withdrawal(id);
        Debt memory d = debts[w.epoch];
        if (w.inFull || d.value == 0 || upTo <= d.start) return 0;
        uint256 part = upTo - d.start < d.amount ? upTo - d.start : d.amount;
        return part * (w.amount * d.prices[w.asset]) / d.value;
    }

    function _collectOwed(uint256 id) internal {
        uint256 due = _owedTo(id, repaid) - collected[id];
        if (due == 0) return;
        address to = vault.withdrawal(id).recipient;
        uint256 before = tokens[0].balanceOf(to);
        insurance.collectOwed(id);
        require(tokens[0].balanceOf(to) - before == due, "owed");
        collected[id] += due;
        claimable[0] -= due;
        ++counts["debt collected"];
    }

    /// @dev What the backstop repays, then who comes in and goes.
    function _insured(int256 equity, bool converts) private {
        int256 free = inventory[0];
        for (uint256 i = 0; i < accounts; ++i) {
            free += balances[i][0];
        }
        int256 most = inventory[0] < free ? inventory[0] : free;
        if (most < 0) most = 0;
        int256 low = _health(inventory, 5, 6);
        int256 pays = low > 0 ? low >> 32 : int256(0);
        if (pays > most) pays = most;
        if (pays > int256(owed - repaid)) pays = int256(owed - repaid);
        if (pays > 0) ++counts["repayment"];
        repaid += uint256(pays);
        inventory[0] -= pays;
        claimable[0] += uint256(pays);
        (most, low, equity) = (most - pays, low - (pays << 32), equity - (pays << 32));
        if (!converts) return;
        int256 debt = int256(owed - repaid) << 32;
        uint256 net = uint256((equity - debt) >> 32);
        uint256 all = shares == 0 ? net * 1e6 : shares;
        uint256 minted = insuring * (all + 1e6) / (net + 1);
        uint256 fair = low < debt ? 0 : offered * (uint256((low - debt) >> 32) + 1) / (all + 1e6);
        uint256 paid = fair < uint256(most) ? fair : uint256(most);
        uint256 burned = fair == 0 ? 0 : (offered * paid + fair - 1) / fair;
        shares = all + minted - burned;
        inventory[0] += int256(insuring) - int256(paid);
        claimable[0] += paid;
        (insuring, offered) = (0, 0);
        require(insurance.totalShares() == shares, "shares");
        ++counts["conversion"];
        if (paid > 0) ++counts["redemption"];
    }

    function _request(uint256 i) private view returns (uint64 number, IForced.Request memory r) {
        if (requests.length == 0) return (0, r);
        number = requests[i % requests.length];
        r = forced.request(number);
    }
}
