#include "convert/sample_stream.hpp"

#include <utility>

#include "base/error.hpp"

namespace ctclip {

SampleStream::SampleStream(SampleConverter& converter, std::vector<PlannedStudy> studies)
    : converter_(converter), studies_(std::move(studies)) {
    start(0);
}

SampleStream::~SampleStream() {
    if (pending_.valid()) {
        pending_.wait();
    }
}

void SampleStream::start(std::size_t study_index) {
    if (study_index < studies_.size()) {
        pending_ = std::async(std::launch::async, [this, study_index] {
            converter_.convert(studies_[study_index], slots_[study_index % slots_.size()]);
        });
    }
}

ConvertedSample& SampleStream::next() {
    CTCLIP_EXPECT(pending_.valid());
    std::size_t const index = next_index_++;
    pending_.get();
    start(index + 1);
    return slots_[index % slots_.size()];
}

}  // namespace ctclip
