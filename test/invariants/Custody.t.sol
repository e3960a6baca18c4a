// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IForced} from "../../contracts/interfaces/IForced.sol";
import {IMarket} from "../../contracts/interfaces/IMarket.sol";
import {IVault} from "../../contracts/interfaces/IVault.sol";
import {Proof} from "../../contracts/interfaces/IVerifier.sol";
import {Handler} from "./Handler.sol";
import {VM} from "./World.sol";

/// @title What holds between calls, and at the end of every sequence.
/// @dev Not looked at after every call: the model is never set to what the contracts say, so what once is wrong stays so.
contract Custodian is Handler {
    /// @dev After a freeze: what is shared out, and what equities are divided by.
    uint64[8] private holdings;
    uint256 private whole;

    /// @notice Custody is what everybody is owed, in the contracts' books, in the model's and in tokens.
    function checkBooks() public view {
        require(vault.insuring() == insuring, "insuring");
        for (uint8 a = 0; a < ASSETS; ++a) {
            IVault.Ledger memory l = vault.ledger(a);
            int256 sum = int256(l.accounts) + l.backstop;
            uint256 rest = uint256(l.pending) + l.claimable + l.waiting + l.queued + (a == 0 ? insuring : 0);
            require(int256(uint256(l.custody)) == sum + int256(rest), "custody");
            int256 all;
            for (uint256 i = 0; i < accounts; ++i) {
                all += balances[i][a];
            }
            require(l.accounts == all && l.backstop == inventory[a], "accounts and backstop");
            require(l.pending == pending[a] && l.claimable == claimable[a] && l.waiting == waiting[a], "withdrawals");
            require(l.queued == queued[a], "queue");
            if (a > 0) _checkLots(a, l.backstop);
            if (a == SYNTHETIC) require(l.custody == 0 && sum == 0, "synthetic");
            else require(tokens[a].balanceOf(address(vault)) == inTokens(a, l.custody), "tokens");
        }
        (uint256 total, uint256 paid) = insurance.owed();
        require(total == owed && paid == repaid, "owed");
    }

    /// @dev Lots sum to the backstop's balance, on its side, and are eight at most.
    function _checkLots(uint256 asset, int256 backstop) private view {
        (bool sells, IMarket.Offer[] memory offers,) = market.lots(asset);
        uint256 waits;
        for (uint256 i = 0; i < offers.length; ++i) {
            require(offers[i].units > 0, "an empty lot");
            waits += offers[i].units;
        }
        require(offers.length <= 8 && int256(waits) == (sells ? backstop : -backstop), "lots");
    }

    /// @notice Whose last request is over may ask again.
    function checkAskers() public view {
        for (uint32 index = 0; index < accounts; ++index) {
            for (uint256 u = 0; u < USERS; ++u) {
                uint64 number = forced.requestOf(index, userOf(u));
                if (number == 0) continue;
                IForced.State state = forced.request(number).state;
                require(
                    state == IForced.State.Reserved || state == IForced.State.Pending,
                    "locked out by a request that is over"
                );
            }
        }
    }

    /// @notice The operator is gone. Everybody gets what the formula says, and nothing but dust and nobody's equity is left.
    function everybodyLeaves() external {
        checkBooks();
        checkAskers();
        VM.warp(block.timestamp + GRACE + 1);
        escape.declareStall(0);
        for (uint256 i = 0; i < 3; ++i) {
            VM.warp(block.timestamp + NOTICE / 4);
            escape.tick(0);
        }
        VM.warp(block.timestamp + NOTICE / 4);
        escape.freeze(0);

        int256 worth = vault.lastCheckpoint().equity;
        uint256 equity = worth > 0 ? uint256(worth) : 0;
        require(market.loss() == lost, "loss");
        // What left at a discount is the insurers', and whose debts come before.
        equity -= lost < equity ? lost : equity;
        (holdings, whole) = escape.snapshot();
        // What waited is paid as those who stay are.
        for (uint256 a = 0; a < SYNTHETIC; ++a) {
            claimable[a] += waiting[a] * ratio[0] / ratio[1];
        }
        uint256 payments = 4 + 3 * withdrawals + USERS + savedAccounts + USERS * insurance.period();
        _accountsLeave(equity);
        uint256 nobodys = equity - _owedLeave(equity);
        for (uint256 u = 0; u < USERS; ++u) {
            nobodys -= _insurerLeaves(userOf(u), equity);
        }
        _depositorsLeave();
        _requestersLeave();
        for (uint8 a = 0; a < SYNTHETIC; ++a) {
            uint256 left = whole == 0 ? holdings[a] : holdings[a] * nobodys / whole + 1;
            require(vault.ledger(a).custody <= left + payments * grain(a), "more than dust is left");
        }
        ++counts["escape"];
        _report();
    }

    /// @dev A line of how often what happened, for whoever wants to know that it did.
    function _report() private {
        string memory path = VM.envOr("INVARIANTS_REPORT", string(""));
        if (bytes(path).length == 0) return;
        string memory line;
        string[26] memory kinds = [
            "deposit",
            "bounce",
            "refund",
            "take back",
            "withdrawal",
            "claim",
            "trade",
            "unwind",
            "liquidation",
            "bad debt",
            "checkpoint",
            "checkpoint under water",
            "debt",
            "repayment",
            "debt collected",
            "debt pulled",
            "conversion",
            "redemption",
            "served",
            "discharged",
            "close",
            "close discharged",
            "requeue",
            "take",
            "take at a discount",
            "escape"
        ];
        for (uint256 i = 0; i < kinds.length; ++i) {
            line = string.concat(line, i == 0 ? "" : ",", kinds[i], ":", VM.toString(counts[kinds[i]]));
        }
        VM.writeLine(path, line);
    }

    function _accountsLeave(uint256 equity) private {
        uint256 sum = equity;
        Proof memory none;
        for (uint32 i = 0; i < savedAccounts; ++i) {
            uint256 own = uint256(savedEquity[i]);
            sum += own;
            address user = userOf(i);
            escape.exit(i, user, own, 5, none);
            for (uint8 a = 0; a < SYNTHETIC; ++a) {
                uint256 before = tokens[a].balanceOf(user);
                escape.pull(i, a);
                _received(a, user, before, own);
            }
        }
        require(sum == whole, "equities do not add up to the whole");
    }

    /// @return first Equity that those owed have before insurers, 2^32 scale.
    function _owedLeave(uint256 equity) private returns (uint256 first) {
        first = owed - repaid < equity >> 32 ? owed - repaid : equity >> 32;
        for (uint256 id = 0; id < withdrawals; ++id) {
            uint256 part = _owedTo(id, repaid + first) - _owedTo(id, repaid);
            if (part > 0) _pullOwed(id, part << 32);
            _claim(id);
            _collectOwed(id);
        }
        return first << 32;
    }

    function _pullOwed(uint256 id, uint256 part) private {
        address to = vault.withdrawal(id).recipient;
        for (uint8 a = 0; a < SYNTHETIC; ++a) {
            uint256 before = tokens[a].balanceOf(to);
            escape.pullOwed(id, a);
            _received(a, to, before, part);
        }
        ++counts["debt pulled"];
    }

    /// @return part Equity that is the insurer's, 2^32 scale.
    function _insurerLeaves(address user, uint256 equity) private returns (uint256 part) {
        (uint256 own, uint256 all) = insurance.sharesOf(user);
        uint256 first = owed - repaid < equity >> 32 ? owed - repaid : equity >> 32;
        part = all == 0 ? 0 : (equity - (first << 32)) * own / all;
        for (uint8 a = 0; a < SYNTHETIC; ++a) {
            uint256 before = tokens[a].balanceOf(user);
            VM.prank(user);
            escape.pullShares(a);
            _received(a, user, before, part);
        }
        (uint64 waits,, uint64 collectable) = insurance.position(user);
        if (waits > 0) {
            VM.prank(user);
            insurance.cancel();
        }
        if (collectable > 0) {
            VM.prank(user);
            insurance.collect();
        }
    }

    function _received(uint8 a, address to, uint256 before, uint256 equity) private view {
        uint256 share = whole == 0 ? 0 : holdings[a] * equity / whole;
        require(tokens[a].balanceOf(to) - before == inTokens(a, share), "not the formula's share");
    }

    function _depositorsLeave() private {
        for (uint256 i = 0; i < bounced.length; ++i) {
            if (bounced[i] < savedHead) vault.refund(bounced[i]);
        }
        for (uint256 id = savedHead; id < deposits.length; ++id) {
            Queued memory d = deposits[id];
            if (d.amount == 0 || vault.deposit(id).state == IVault.DepositState.Refunded) continue;
            uint256 before = tokens[d.asset].balanceOf(d.user);
            vault.refund(id);
            require(tokens[d.asset].balanceOf(d.user) - before == inTokens(d.asset, d.amount), "refund");
        }
    }

    function _requestersLeave() private {
        for (uint256 i = 0; i < requests.length; ++i) {
            IForced.Request memory r = forced.request(requests[i]);
            if (r.state == IForced.State.Pending) {
                forced.takeBond(requests[i]);
            } else if (r.state == IForced.State.Reserved) {
                VM.prank(r.requester);
                forced.release(requests[i]);
            }
        }
        for (uint256 u = 0; u < USERS; ++u) {
            if (forced.nativeCredits(userOf(u)) > 0) forced.withdrawNativeCredits(userOf(u));
        }
        require(address(forced).balance == 0, "bonds are left");
    }
}

contract CustodyTest {
    Custodian private custodian;

    function setUp() external {
        custodian = new Custodian();
        custodian.begin();
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(custodian);
    }

    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    /// @dev The checks and the end are no moves.
    function excludeSelectors() external view returns (FuzzSelector[] memory list) {
        list = new FuzzSelector[](1);
        list[0].addr = address(custodian);
        list[0].selectors = new bytes4[](5);
        list[0].selectors[0] = Custodian.checkBooks.selector;
        list[0].selectors[1] = Custodian.checkAskers.selector;
        list[0].selectors[2] = Custodian.everybodyLeaves.selector;
        list[0].selectors[4] = Handler.begin.selector;
        list[0].selectors[3] = bytes4(keccak256("counts(string)"));
    }

    function invariant_custodyCoversEverybody() external view {
        custodian.checkBooks();
        custodian.checkAskers();
    }

    function afterInvariant() external {
        custodian.everybodyLeaves();
    }
}
