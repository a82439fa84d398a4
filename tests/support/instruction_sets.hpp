/// Runs a test body on every instruction set that the build has and this processor can run (Google Highway).
#pragma once

#include <gtest/gtest.h>

#include <hwy/highway.h>
#include <hwy/targets.h>

#include <cstdint>

namespace ctclip {

template <class Body>
void for_each_instruction_set(Body const& body) {
    std::int64_t const usable = hwy::SupportedTargets() & HWY_TARGETS;
    ASSERT_NE(usable, 0);
    for (std::int64_t rest = usable; rest != 0; rest &= rest - 1) {
        std::int64_t const target = rest & -rest;
        hwy::SetSupportedTargetsForTest(target);
        hwy::GetChosenTarget().Update(hwy::SupportedTargets());
        SCOPED_TRACE(hwy::TargetName(target));
        body();
    }
    hwy::SetSupportedTargetsForTest(0);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
}

}  // namespace ctclip
