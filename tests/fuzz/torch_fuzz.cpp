// A file of torch.save: zip container, pickle, storages, views. Every input is read as it is, and once more
// with right CRC-32s in its directory, so that the damage reaches the pickle behind them.
#include <zlib.h>

#include <cstring>
#include <vector>

#include "checkpoint/torch_file.hpp"
#include "fuzz/fuzz_target.hpp"

namespace ctclip {
namespace {

constexpr std::size_t kCentralBytes = 46;
constexpr std::size_t kLocalBytes = 30;
constexpr std::uint16_t kDescriptorFlag = 0x0008;

void read_weights(std::span<std::uint8_t const> bytes) {
    static MemoryFile file;
    TorchFile const weights = read_torch_file(file.hold(bytes));
    for (auto const& [name, array] : weights.tensors) {
        promise(!name.empty(), "a tensor has a name");
        promise(array.bytes.size() ==
                    static_cast<std::uint64_t>(element_count(array.shape)) * item_size_bytes(array.type),
                "a tensor has the bytes of its shape");
    }
}

template <class T>
T number_at(std::vector<std::uint8_t> const& bytes, std::size_t offset) {
    T value{};
    std::memcpy(&value, bytes.data() + offset, sizeof value);
    return value;
}

/// Of the entry whose directory record is at `central`, where it can be found at all.
void repair_crc(std::vector<std::uint8_t>& bytes, std::size_t central) {
    std::size_t const size = number_at<std::uint32_t>(bytes, central + 24);
    std::size_t const local = number_at<std::uint32_t>(bytes, central + 42);
    if (local + kLocalBytes > bytes.size()) {
        return;
    }
    std::size_t const data = local + kLocalBytes + number_at<std::uint16_t>(bytes, local + 26) +
                             number_at<std::uint16_t>(bytes, local + 28);
    if (data > bytes.size() || size > bytes.size() - data) {
        return;
    }
    auto const crc = static_cast<std::uint32_t>(::crc32_z(0, bytes.data() + data, size));
    bool const is_streamed = (number_at<std::uint16_t>(bytes, central + 8) & kDescriptorFlag) != 0;
    std::size_t const again = is_streamed ? data + size + 4 : local + 14;  // data descriptor or local header
    if (again + sizeof crc > bytes.size()) {
        return;
    }
    std::memcpy(bytes.data() + central + 16, &crc, sizeof crc);
    std::memcpy(bytes.data() + again, &crc, sizeof crc);
}

std::vector<std::uint8_t> with_right_crcs(std::span<std::uint8_t const> bytes) {
    std::vector<std::uint8_t> repaired(bytes.begin(), bytes.end());
    for (std::size_t i = 0; i + kCentralBytes <= repaired.size(); ++i) {
        if (as_text(repaired.data() + i, 4) == "PK\x01\x02") {
            repair_crc(repaired, i);
        }
    }
    return repaired;
}

}  // namespace
}  // namespace ctclip

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    ctclip::read_or_refuse([&] { ctclip::read_weights({data, size}); });
    return ctclip::read_or_refuse([&] { ctclip::read_weights(ctclip::with_right_crcs({data, size})); });
}
