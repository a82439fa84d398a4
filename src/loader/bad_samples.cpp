#include "loader/bad_samples.hpp"

#include "base/digest.hpp"
#include "base/error.hpp"
#include "base/splitmix64.hpp"

namespace ctclip {

std::int64_t replacement_index(std::uint64_t seed, std::int64_t epoch, std::int64_t position,
                               std::int64_t attempt, std::int64_t num_samples) {
    std::uint64_t const epoch_key =
        splitmix64(derive_seed(seed, "bad sample replacement"), static_cast<std::uint64_t>(epoch));
    std::uint64_t const key = splitmix64(epoch_key, static_cast<std::uint64_t>(position));
    return static_cast<std::int64_t>(splitmix64(key, static_cast<std::uint64_t>(attempt)) %
                                     static_cast<std::uint64_t>(num_samples));
}

std::string pseudonym(std::uint64_t seed, std::string_view study_id) {
    return sha256_hex(fmt::format("{:016x} {}", derive_seed(seed, "pseudonym"), study_id)).substr(0, 12);
}

bool BadSampleLedger::add(std::int64_t index) {
    std::lock_guard const lock(mutex_);
    bool const is_new = indices_.insert(index).second;
    require(static_cast<std::int64_t>(indices_.size()) <= limit_, ExitCode::kBadInput,
            "{} samples are bad, data.max_bad_samples allows {}. `{}` names them.", indices_.size(), limit_,
            checker_);
    return is_new;
}

std::int64_t BadSampleLedger::count() const {
    std::lock_guard const lock(mutex_);
    return static_cast<std::int64_t>(indices_.size());
}

}  // namespace ctclip
