#include <luban/surrogate/transformed_surrogate.hpp>

#include <algorithm>
#include <cmath>
#include <utility>

#include <luban/core/error.hpp>
#include <luban/core/text.hpp>
#include <luban/surrogate/detail/inputs.hpp>
#include <luban/surrogate/detail/level_averages.hpp>
#include <luban/surrogate/detail/normal_moments.hpp>
#include <luban/surrogate/detail/tensors.hpp>
#include <luban/surrogate/detail/transformed_data.hpp>
#include <luban/surrogate/detail/transformed_posterior.hpp>

namespace luban::surrogate {

namespace {

constexpr const char* key_of_artefact = "response_transforms";
constexpr const char* automatic = "auto";

std::vector<std::string> name_of_each(const std::vector<std::string>& names, const features::Dataset& data) {
  const auto m = static_cast<std::size_t>(data.m());
  if (names.size() == 1) return std::vector<std::string>(m, names.front());
  if (names.size() == m) return names;
  throw core::ConfigurationError({.where = "surrogate.TransformedSurrogate.fit",
                                  .expected = "one transform, or one for each of " + std::to_string(m) + " responses",
                                  .received = std::to_string(names.size()),
                                  .place = "argument names",
                                  .hint = {}});
}

/// Chooses for the responses that leave it to the data, and tells what was tried for each.
std::vector<TransformChoice> choose(std::vector<std::string>& names, const features::Dataset& data,
                                    const SurrogateFactory& make, core::RandomKey key,
                                    const TransformedOptions& options, const core::CallControl& control) {
  std::vector<TransformChoice> out(names.size());
  if (std::find(names.begin(), names.end(), automatic) == names.end()) return out;
  std::vector<TransformChoice> chosen = choose_response_transforms(data, make, key, options.choice, control);
  for (std::size_t r = 0; r < names.size(); ++r) {
    if (names[r] != automatic) continue;
    names[r] = chosen[r].chosen;
    out[r] = std::move(chosen[r]);
  }
  return out;
}

}  // namespace

struct TransformedSurrogate::Moments {
  std::vector<detail::NormalMoments> of_response;
};

TransformedSurrogate::~TransformedSurrogate() = default;

TransformedSurrogate::TransformedSurrogate(std::shared_ptr<const Surrogate> inner, Transforms transforms,
                                           std::vector<features::ResponseColumn> responses)
    : inner_(std::move(inner)), transforms_(std::move(transforms)), responses_(std::move(responses)) {
  bool fits = transforms_.size() == inner_->responses().size() && responses_.size() == transforms_.size();
  for (std::size_t r = 0; fits && r < responses_.size(); ++r) {
    fits = transforms_[r] != nullptr && responses_[r].name == inner_->responses()[r].name;
  }
  if (!fits) {
    throw core::DataError(
        {.where = "surrogate.TransformedSurrogate",
         .expected = "a transform for each of " + std::to_string(inner_->responses().size()) + " responses inside",
         .received = std::to_string(transforms_.size()) + ", or other responses",
         .place = {},
         .hint = {}});
  }
  auto moments = std::make_shared<Moments>();
  for (const std::shared_ptr<const ResponseTransform>& one : transforms_) moments->of_response.emplace_back(one);
  moments_ = std::move(moments);
}

std::shared_ptr<const TransformedSurrogate> TransformedSurrogate::fit(const features::Dataset& data,
                                                                      const std::vector<std::string>& names,
                                                                      const SurrogateFactory& make, core::RandomKey key,
                                                                      const TransformedOptions& options,
                                                                      const core::CallControl& control) {
  std::vector<std::string> each = name_of_each(names, data);
  for (const std::string& name : each) {
    if (name != automatic) require_response_transform(name);
  }
  const bool changed = std::any_of(each.begin(), each.end(), [](const std::string& name) { return name != "none"; });
  if (changed && data.noise_variance.size() > 0) {
    throw core::ConfigurationError({.where = "surrogate.TransformedSurrogate.fit",
                                    .expected = "responses as they are, because the variances of readings are known",
                                    .received = "transforms",
                                    .place = {},
                                    .hint = "transform \"none\", or a dataset without noise variances"});
  }
  std::vector<TransformChoice> choices = choose(each, data, make, key.child("choice"), options, control);
  features::Dataset transformed = data;
  Transforms transforms;
  for (Eigen::Index r = 0; r < data.m(); ++r) {
    const auto at = static_cast<std::size_t>(r);
    transforms.push_back(fit_response_transform(each[at], detail::honest_values(data, r, options.robust),
                                                options.transform, data.responses[at].name));
    detail::transform_response(*transforms.back(), r, transformed);
  }
  auto out =
      std::make_shared<TransformedSurrogate>(make(transformed, key, control), std::move(transforms), data.responses);
  out->choices_ = std::move(choices);
  return out;
}

std::unique_ptr<Posterior> TransformedSurrogate::posterior(const Eigen::MatrixXd& X,
                                                           const PosteriorRequest& request) const {
  PosteriorRequest of_inner = request;
  of_inner.reading = true;  // the expected response is that of a reading
  return std::make_unique<detail::TransformedPosterior>(inner_->posterior(X, of_inner), moments_->of_response);
}

std::unique_ptr<Posterior> TransformedSurrogate::average(const Eigen::MatrixXd& X, const Eigen::VectorXd& weights,
                                                         const PosteriorRequest& request) const {
  detail::require_coded(X, encoder(), "surrogate.average");
  detail::require_levels(X, weights, "surrogate.average");
  if (weights.size() == 1) return posterior(X, request);
  return detail::level_averages(*inner_, moments_->of_response, X, weights, request);
}

std::shared_ptr<const Surrogate> TransformedSurrogate::only(const std::vector<Eigen::Index>& responses) const {
  std::shared_ptr<const Surrogate> narrow = inner_->only(responses);
  if (narrow == nullptr) return nullptr;
  Transforms transforms;
  std::vector<features::ResponseColumn> columns;
  for (const Eigen::Index r : responses) {
    transforms.push_back(transforms_[static_cast<std::size_t>(r)]);
    columns.push_back(responses_[static_cast<std::size_t>(r)]);
  }
  return std::make_shared<const TransformedSurrogate>(std::move(narrow), std::move(transforms), std::move(columns));
}

void TransformedSurrogate::write(Artefact& artefact) const {
  core::Json responses = core::Json::array();
  for (std::size_t r = 0; r < responses_.size(); ++r) {
    responses.push_back(core::Json::object()
                            .set("name", responses_[r].name)
                            .set("unit", responses_[r].unit)
                            .set("transform", transforms_[r]->to_json()));
  }
  artefact.metadata.set(key_of_artefact, core::Json::object().set("responses", std::move(responses)));
}

std::shared_ptr<const TransformedSurrogate> TransformedSurrogate::read(const Artefact& artefact,
                                                                       std::shared_ptr<const Surrogate> inner) {
  try {
    Transforms transforms;
    std::vector<features::ResponseColumn> responses;
    for (const core::Json& response : artefact.metadata.at(key_of_artefact).at("responses").as_array()) {
      responses.push_back({response.at("name").as_string(), response.at("unit").as_string()});
      transforms.push_back(response_transform_from_json(response.at("transform")));
    }
    return std::make_shared<const TransformedSurrogate>(std::move(inner), std::move(transforms), std::move(responses));
  } catch (const core::DataError& error) {  // missing, of another type, or not those of the surrogate inside
    detail::throw_damaged("surrogate.TransformedSurrogate.read", error);
  }
}

}  // namespace luban::surrogate
