// A fault that only a mutant reaches: proves that the driver finds and reports (its ctest entry expects
// that).
#include "fuzz/fuzz_target.hpp"

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    ctclip::promise(size != 3 || data[0] != 'a' || data[1] == 'b', "planted");
    return 0;
}
