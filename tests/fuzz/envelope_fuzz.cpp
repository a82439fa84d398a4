// The text in front of a checkpoint: accepted only as it would be written.
#include "checkpoint/envelope.hpp"
#include "fuzz/fuzz_target.hpp"

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    std::string_view const text = ctclip::as_text(data, size);
    return ctclip::read_or_refuse([&] {
        ctclip::Envelope const envelope = ctclip::parse_envelope(text, "envelope");
        ctclip::promise(ctclip::render_envelope(envelope) == text, "every byte of an envelope is checked");
    });
}
