/// Exit codes of every job and tool: the BSD sysexits that Slurm scripts branch on (docs: README, "Exit codes").
#pragma once

namespace ctclip {

enum class ExitCode : int {
    kDone = 0,
    kDifferent = 1,       ///< `ctclip-ckpt diff`: the two files differ
    kUsage = 64,          ///< wrong command line
    kBadInput = 65,       ///< input data is wrong: nothing of it was committed
    kUnavailable = 69,    ///< a needed service or device is missing
    kInternal = 70,       ///< our own bug
    kCannotCreate = 73,   ///< output cannot be created
    kIoError = 74,        ///< reading or writing failed
    kTryAgain = 75,       ///< stopped or failed with nothing lost: run or requeue the same command
    kNoPermission = 77,
    kBadConfig = 78,      ///< bad configuration file or value
};

}  // namespace ctclip
