// A checkpoint: as it is, where no changed byte may get past the digest, and once more with a right digest,
// so that the damage reaches HDF5 and the checks of what it found. HDF5 itself is the system's and has no
// sanitizer in it.
#include <string>

#include "base/digest.hpp"
#include "checkpoint/checkpoint_file.hpp"
#include "fuzz/fuzz_target.hpp"

namespace ctclip {
namespace {

void read_state(std::span<std::uint8_t const> bytes) {
    static MemoryFile file;
    std::filesystem::path const& path = file.hold(bytes);
    TrainState const state = read_checkpoint(path);
    for (auto const& [name, moment] : state.exp_avg) {
        promise(state.model.contains(name) && state.model.at(name).shape == moment.shape,
                "a moment belongs to a weight");
    }
    verify_checkpoint(path);
}

std::string with_right_digest(std::string_view bytes) {
    std::string_view const hdf5 = bytes.substr(std::min(kEnvelopeBytes, bytes.size()));
    std::string checkpoint = render_envelope({hdf5.size(), sha256_hex(std::as_bytes(std::span(hdf5)))});
    return checkpoint.append(hdf5);
}

}  // namespace
}  // namespace ctclip

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    ctclip::read_or_refuse([&] { ctclip::read_state({data, size}); });
    return ctclip::read_or_refuse([&] {
        std::string const checkpoint = ctclip::with_right_digest(ctclip::as_text(data, size));
        ctclip::read_state({reinterpret_cast<std::uint8_t const*>(checkpoint.data()), checkpoint.size()});
    });
}
