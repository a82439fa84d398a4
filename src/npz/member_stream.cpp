#include "npz/member_stream.hpp"

#include <isa-l.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/error.hpp"

namespace ctclip {

struct MemberStream::Inflater {
    inflate_state state;
    std::array<std::byte, std::size_t{128} << 10> input;

    bool is_done() const { return state.block_state == ISAL_BLOCK_FINISH; }
    /// Read from the file, but behind the deflate stream's end.
    std::size_t num_unused_bytes() const {
        return state.avail_in + static_cast<std::size_t>(state.read_in_length / 8);
    }
};

MemberStream::MemberStream(DigestedFile& file, ZipMember const& member, std::string what)
    : file_(file), what_(std::move(what)), num_unread_bytes_(member.compressed_bytes) {
    file_.skip_to(member.data_offset);
    if (member.method == ZipMethod::kDeflated) {
        inflater_ = std::make_unique<Inflater>();
        isal_inflate_init(&inflater_->state);
    }
}

MemberStream::~MemberStream() = default;

void MemberStream::read(std::span<std::byte> out) {
    if (inflater_) {
        require(inflate(out) == out.size(), ExitCode::kBadInput, "{}: {}", what_, kWrongStream);
    } else {
        read_stored(out);
    }
}

void MemberStream::read_stored(std::span<std::byte> out) {
    require(out.size() <= num_unread_bytes_, ExitCode::kBadInput, "{} ends after too few bytes", what_);
    file_.read(out);
    num_unread_bytes_ -= out.size();
}

std::size_t MemberStream::inflate(std::span<std::byte> out) {
    CTCLIP_EXPECT(out.size() <= UINT32_MAX);
    inflate_state& state = inflater_->state;
    state.next_out = reinterpret_cast<std::uint8_t*>(out.data());
    state.avail_out = static_cast<std::uint32_t>(out.size());
    bool is_stuck = false;
    while (state.avail_out > 0 && !inflater_->is_done() && !is_stuck) {
        refill();
        bool const had_input = state.avail_in > 0;
        std::uint32_t const wanted = state.avail_out;
        require(isal_inflate(&state) == ISAL_DECOMP_OK, ExitCode::kBadInput, "{}: {}", what_, kWrongStream);
        is_stuck = !had_input && state.avail_out == wanted;  // the data end before the stream does
    }
    return out.size() - state.avail_out;
}

void MemberStream::refill() {
    inflate_state& state = inflater_->state;
    if (state.avail_in > 0 || num_unread_bytes_ == 0) {
        return;
    }
    std::span<std::byte> const piece =
        std::span(inflater_->input).first(std::min<std::uint64_t>(inflater_->input.size(), num_unread_bytes_));
    file_.read(piece);
    num_unread_bytes_ -= piece.size();
    state.next_in = reinterpret_cast<std::uint8_t*>(piece.data());
    state.avail_in = static_cast<std::uint32_t>(piece.size());
}

void MemberStream::finish() {
    if (inflater_) {
        std::byte extra{};
        bool const is_whole = inflate({&extra, 1}) == 0 && inflater_->is_done() && inflater_->num_unused_bytes() == 0 &&
                              num_unread_bytes_ == 0;
        require(is_whole, ExitCode::kBadInput, "{}: {}", what_, kWrongStream);
    }
    require(num_unread_bytes_ == 0, ExitCode::kBadInput, "{} has data behind its end", what_);
}

}  // namespace ctclip
