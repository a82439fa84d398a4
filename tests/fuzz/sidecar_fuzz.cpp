// A shard's sidecar, shard-000000.index.json.
#include "fuzz/fuzz_target.hpp"
#include "shard/sidecar.hpp"

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    using namespace ctclip;
    return read_or_refuse([&] {
        ShardSidecar const sidecar = decode_sidecar(as_text(data, size), "sidecar");
        for (SidecarSample const& sample : sidecar.samples) {
            for (ShardMember const& member : sample.sample.members) {
                promise(member.data_offset <= sidecar.size_bytes &&
                            member.size_bytes <= sidecar.size_bytes - member.data_offset,
                        "members lie inside the shard");
            }
        }
        std::string const text = encode_sidecar(sidecar);
        promise(encode_sidecar(decode_sidecar(text, "sidecar")) == text, "a sidecar reads back");
    });
}
