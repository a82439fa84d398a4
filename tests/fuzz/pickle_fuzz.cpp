// The pickle of torch.save alone, of any length: the input becomes data.pkl of an otherwise good archive with
// two storages, so that mutants need not get past zip sizes and CRC-32s first.
#include <zlib.h>

#include <cstring>
#include <string>

#include "checkpoint/torch_file.hpp"
#include "fuzz/fuzz_target.hpp"

namespace ctclip {
namespace {

constexpr std::size_t kStorageBytes = 96;

/// A zip archive without compression.
class Archive {
  public:
    void add(std::string const& name, std::string_view content) {
        auto const offset = static_cast<std::uint32_t>(entries_.size());
        std::string const middle = common_fields(name, content);
        entries_ += "PK\x03\x04" + middle + name;
        entries_ += content;
        // version made by; then the common fields; comment, disk, attributes; where the entry is
        directory_ +=
            "PK\x01\x02" + le(std::uint16_t{20}) + middle + std::string(10, '\0') + le(offset) + name;
        ++num_entries_;
    }
    std::string finish() const {
        return entries_ + directory_ + "PK\x05\x06" + std::string(4, '\0') + le(num_entries_) +
               le(num_entries_) + le(static_cast<std::uint32_t>(directory_.size())) +
               le(static_cast<std::uint32_t>(entries_.size())) + std::string(2, '\0');
    }

  private:
    template <class T>
    static std::string le(T value) {
        std::string bytes(sizeof value, '\0');
        std::memcpy(bytes.data(), &value, sizeof value);
        return bytes;
    }
    /// Version, flags, method, time, CRC-32, sizes, lengths of name and extra field.
    static std::string common_fields(std::string const& name, std::string_view content) {
        auto const size = static_cast<std::uint32_t>(content.size());
        auto const crc = static_cast<std::uint32_t>(
            ::crc32_z(0, reinterpret_cast<Bytef const*>(content.data()), content.size()));
        return le(std::uint16_t{20}) + std::string(8, '\0') + le(crc) + le(size) + le(size) +
               le(static_cast<std::uint16_t>(name.size())) + std::string(2, '\0');
    }

    std::string entries_;
    std::string directory_;
    std::uint16_t num_entries_ = 0;
};

void read_pickle_of(std::string_view pickle) {
    Archive archive;
    archive.add("a/data.pkl", pickle);
    archive.add("a/byteorder", "little");
    archive.add("a/data/0", std::string(kStorageBytes, '\x01'));
    archive.add("a/data/1", std::string(kStorageBytes, '\x02'));
    archive.add("a/version", "3\n");
    std::string const bytes = archive.finish();
    static MemoryFile file;
    TorchFile const weights =
        read_torch_file(file.hold({reinterpret_cast<std::uint8_t const*>(bytes.data()), bytes.size()}));
    for (auto const& [name, array] : weights.tensors) {
        promise(array.bytes.size() ==
                    static_cast<std::uint64_t>(element_count(array.shape)) * item_size_bytes(array.type),
                "a tensor has the bytes of its shape");
        for (std::byte const byte : array.bytes) {
            promise(byte == std::byte{1} || byte == std::byte{2}, "a tensor holds what is in a storage");
        }
    }
}

}  // namespace
}  // namespace ctclip

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    return ctclip::read_or_refuse([&] { ctclip::read_pickle_of(ctclip::as_text(data, size)); });
}
