// plan.json of a conversion.
#include "convert/convert_plan.hpp"
#include "fuzz/fuzz_target.hpp"

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    using namespace ctclip;
    return read_or_refuse([&] {
        ConvertPlan const plan = ConvertPlan::parse(std::string(as_text(data, size)), "plan");
        std::size_t num_planned = 0;
        for (PlannedShard const& shard : plan.shards()) {
            promise(shard.first_study == num_planned && shard.num_studies >= 1, "shards follow each other");
            num_planned += shard.num_studies;
        }
        promise(num_planned == plan.studies().size(), "every study is in a shard");
        std::size_t num_shared_out = 0;
        for (int rank = 0; rank < 3; ++rank) {
            num_shared_out += plan.shards_of_rank(rank, 3).size();
        }
        promise(num_shared_out == plan.shards().size(), "every shard has a rank");
        std::string const text = plan.encode();
        promise(ConvertPlan::parse(text, "plan").encode() == text, "a plan reads back");
    });
}
