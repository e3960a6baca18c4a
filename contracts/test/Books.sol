// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {IVault} from "../interfaces/IVault.sol";

/// @title All figures of a vault and its balances of tokens in one call: for tests that look at them after every
/// transaction.
contract Books {
    IVault private immutable VAULT;

    constructor(IVault vault) {
        VAULT = vault;
    }

    /// @return ledgers Of assets 0 to `count - 1`.
    /// @return balances Of their tokens that the vault holds, in token units; 0 without a token.
    function all(uint8 count)
        external
        view
        returns (IVault.Ledger[] memory ledgers, uint256[] memory balances, uint64 insuring)
    {
        ledgers = new IVault.Ledger[](count);
        balances = new uint256[](count);
        for (uint8 a = 0; a < count; ++a) {
            ledgers[a] = VAULT.ledger(a);
            (address token,,,,,) = VAULT.assetInfo(a);
            if (token != address(0)) balances[a] = IERC20(token).balanceOf(address(VAULT));
        }
        insuring = VAULT.insuring();
    }
}
