#include <string>
#include <utility>

#include <luban/core/error.hpp>
#include <luban/surrogate/detail/tensors.hpp>
#include <luban/surrogate/neural_ensemble.hpp>

namespace luban::surrogate {

namespace {

constexpr const char* key = "neural_ensemble";
constexpr std::int64_t most_members = 4096;
constexpr std::int64_t most_blocks = 256;

std::string prefix_of(std::size_t member) {
  return std::string(key) + "/" + std::to_string(member) + "/";
}

void write_layer(const DenseLayer& layer, const std::string& name, Artefact& artefact) {
  artefact.tensors[name + "/weight"] = detail::to_tensor(layer.weight);
  artefact.tensors[name + "/bias"] = detail::to_tensor(layer.bias);
}

DenseLayer read_layer(const Artefact& artefact, const std::string& name) {
  return {.weight = detail::matrix_from(artefact, name + "/weight"),
          .bias = detail::vector_from(artefact, name + "/bias")};
}

}  // namespace

void NeuralEnsemble::write(Artefact& artefact) const {
  for (std::size_t k = 0; k < members_.size(); ++k) {
    const ResidualNetwork& network = members_[k];
    write_layer(network.input, prefix_of(k) + "input", artefact);
    for (std::size_t b = 0; b < network.blocks.size(); ++b) {
      const std::string block = prefix_of(k) + "block" + std::to_string(b);
      write_layer(network.blocks[b].inner, block + "/inner", artefact);
      write_layer(network.blocks[b].outer, block + "/outer", artefact);
    }
    write_layer(network.head, prefix_of(k) + "head", artefact);
  }
  const std::string common = std::string(key) + "/";
  artefact.tensors[common + "input_mean"] = detail::to_tensor(scaling_.input_mean);
  artefact.tensors[common + "input_scale"] = detail::to_tensor(scaling_.input_scale);
  artefact.tensors[common + "output_location"] = detail::to_tensor(scaling_.output_location);
  artefact.tensors[common + "output_scale"] = detail::to_tensor(scaling_.output_scale);
  artefact.tensors[common + "between_share"] = detail::to_tensor(scaling_.between_share);
  core::Json responses = core::Json::array();
  for (const features::ResponseColumn& response : responses_) {
    responses.push_back(core::Json::object().set("name", response.name).set("unit", response.unit));
  }
  artefact.metadata.set(key, core::Json::object()
                                 .set("members", static_cast<std::int64_t>(members_.size()))
                                 .set("blocks", static_cast<std::int64_t>(members_.front().blocks.size()))
                                 .set("encoder", encoder_.to_json())
                                 .set("responses", std::move(responses)));
}

std::shared_ptr<const NeuralEnsemble> NeuralEnsemble::read(const Artefact& artefact) {
  try {
    const core::Json& json = artefact.metadata.at(key);
    const std::int64_t count = json.at("members").as_int();
    const std::int64_t blocks = json.at("blocks").as_int();
    detail::require_intact(count >= 2 && count <= most_members, "between 2 and 4096 members", "members");
    detail::require_intact(blocks >= 0 && blocks <= most_blocks, "between 0 and 256 blocks", "blocks");
    std::vector<ResidualNetwork> members(static_cast<std::size_t>(count));
    for (std::size_t k = 0; k < members.size(); ++k) {
      members[k].input = read_layer(artefact, prefix_of(k) + "input");
      for (std::int64_t b = 0; b < blocks; ++b) {
        const std::string block = prefix_of(k) + "block" + std::to_string(b);
        members[k].blocks.push_back(
            {.inner = read_layer(artefact, block + "/inner"), .outer = read_layer(artefact, block + "/outer")});
      }
      members[k].head = read_layer(artefact, prefix_of(k) + "head");
    }
    const std::string common = std::string(key) + "/";
    NetworkScaling scaling{.input_mean = detail::vector_from(artefact, common + "input_mean"),
                           .input_scale = detail::vector_from(artefact, common + "input_scale"),
                           .output_location = detail::vector_from(artefact, common + "output_location"),
                           .output_scale = detail::vector_from(artefact, common + "output_scale"),
                           .between_share = detail::vector_from(artefact, common + "between_share")};
    std::vector<features::ResponseColumn> responses;
    for (const core::Json& response : json.at("responses").as_array()) {
      responses.push_back({response.at("name").as_string(), response.at("unit").as_string()});
    }
    return std::make_shared<const NeuralEnsemble>(features::Encoder::from_json(json.at("encoder")),
                                                  std::move(responses), std::move(scaling), std::move(members));
  } catch (const core::DataError& error) {  // missing, of another type, or shapes that do not fit together
    throw core::IntegrityError(
        {.where = "surrogate.NeuralEnsemble.read",
         .expected = error.detail().expected,
         .received = error.detail().received,
         .place = error.detail().place.empty() ? "metadata of the artefact" : error.detail().place,
         .hint = "the artefact is damaged or holds another kind of model"});
  }
}

}  // namespace luban::surrogate
