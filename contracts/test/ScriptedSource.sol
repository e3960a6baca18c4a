// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ISource} from "../interfaces/ISource.sol";

/// @title A source that says, and does, what a test tells it to.
contract ScriptedSource is ISource {
    enum Mode {
        Answer,
        Revert,
        /// Returns more than anybody wants to copy.
        Flood,
        /// Spends all gas that it is given.
        Burn,
        /// Returns three words.
        Short,
        /// Answers only where it is given as much gas as the first word of the answer says.
        Hungry
    }

    uint8 public immutable decimals;
    bool public immutable timeWeighted;
    Mode public mode;
    uint256 private _price;
    uint256 private _confidence;
    uint256 private _time;
    uint256 private _decimals;
    uint256 private _hunger;

    constructor(uint8 decimals_, bool timeWeighted_) {
        (decimals, timeWeighted, _decimals) = (decimals_, timeWeighted_, decimals_);
    }

    function set(uint256 price, uint256 confidence, uint256 time, uint256 decimals_, Mode mode_) external {
        (_price, _confidence, _time, _decimals, mode) = (price, confidence, time, decimals_, mode_);
    }

    /// @notice An answer of this moment.
    function say(uint256 price) external {
        (_price, _confidence, _time, _decimals, mode) = (price, 0, block.timestamp, decimals, Mode.Answer);
    }

    function setMode(Mode mode_, uint256 hunger) external {
        (mode, _hunger) = (mode_, hunger);
    }

    function read() external view returns (uint256, uint256, uint256, uint256) {
        if (mode == Mode.Revert) revert("no answer");
        if (mode == Mode.Hungry) require(gasleft() > _hunger);
        if (mode == Mode.Flood || mode == Mode.Short) {
            uint256 size = mode == Mode.Flood ? 20_000 : 96;
            // solhint-disable-next-line no-inline-assembly
            assembly ("memory-safe") {
                let free := mload(0x40)
                mstore(free, 1)
                return(free, size)
            }
        }
        if (mode == Mode.Burn) {
            uint256 spent = 1;
            while (spent != 0) spent |= 1;
        }
        return (_price, _confidence, _time, _decimals);
    }
}

