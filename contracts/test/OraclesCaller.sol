// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IOracles} from "../interfaces/IOracles.sol";
import {IRounds} from "../interfaces/IRounds.sol";

/// @title The rounds and the governance, as far as `Oracles` asks them, for tests of it alone.
contract OraclesCaller {
    event Updated(IOracles.Reading[7] readings, uint256[] words, uint256 gas);

    address public admin;
    address public guardian;
    uint32 private immutable DELAY;
    IOracles public oracles;

    constructor(address admin_, address guardian_, uint32 delay) {
        (admin, guardian, DELAY) = (admin_, guardian_, delay);
    }

    function governance() external view returns (address) {
        return address(this);
    }

    function config() external view returns (IRounds.Config memory c) {
        c.parameterDelay = DELAY;
    }

    function name(IOracles oracles_) external {
        oracles = oracles_;
    }

    function update() external returns (uint256[] memory words) {
        uint256 before = gasleft();
        IOracles.Reading[7] memory readings;
        (readings, words) = oracles.update();
        emit Updated(readings, words, before - gasleft());
    }
}
