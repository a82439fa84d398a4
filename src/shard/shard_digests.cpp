#include "shard/shard_digests.hpp"

#include <algorithm>
#include <span>

#include "base/crc32c.hpp"
#include "base/file_chunks.hpp"
#include "base/fsverity_digest.hpp"

namespace ctclip {
namespace {

/// CRC-32C of each member, from the file's bytes in order.
class MemberChecksums {
  public:
    explicit MemberChecksums(ShardIndex const& index) {
        for (ShardSample const& sample : index.samples) {
            for (ShardMember const& member : sample.members) {
                members_.push_back(&member);
            }
        }
        crcs_.resize(members_.size());
    }

    /// @param chunk  the file's bytes from where the chunk before it ended.
    void update(std::span<std::byte const> chunk) {
        std::uint64_t const chunk_end = offset_ + chunk.size();
        while (current_ < members_.size() && members_[current_]->data_offset < chunk_end) {
            std::uint64_t const member_end = members_[current_]->data_offset + members_[current_]->size_bytes;
            std::uint64_t const begin = std::max(members_[current_]->data_offset, offset_);
            std::uint64_t const end = std::min(member_end, chunk_end);
            crcs_[current_] = crc32c(chunk.subspan(begin - offset_, end - begin), crcs_[current_]);
            if (member_end > chunk_end) {
                break;  // it goes on in the next chunk
            }
            ++current_;
        }
        offset_ = chunk_end;
    }

    std::vector<std::uint32_t> take() { return std::move(crcs_); }

  private:
    std::vector<ShardMember const*> members_;
    std::vector<std::uint32_t> crcs_;  // of no bytes: 0
    std::size_t current_ = 0;          // the first member that has not been seen whole
    std::uint64_t offset_ = 0;
};

}  // namespace

ShardDigests read_digests(FileDescriptor const& file, ShardIndex const& index) {
    FsVerityDigest digest;
    MemberChecksums checksums(index);
    for_each_chunk(file, index.path, 0, index.size_bytes, [&](auto chunk) {
        digest.add(chunk);
        checksums.update(chunk);
    });
    return {digest.finish_hex(), checksums.take()};
}

}  // namespace ctclip
