#pragma once

#include <memory>
#include <string>
#include <vector>

#include <luban/core/call_control.hpp>
#include <luban/core/random.hpp>
#include <luban/features/dataset.hpp>
#include <luban/surrogate/artefact.hpp>
#include <luban/surrogate/export.hpp>
#include <luban/surrogate/response_transform.hpp>
#include <luban/surrogate/surrogate.hpp>
#include <luban/surrogate/transform_choice.hpp>

namespace luban::surrogate {

struct TransformedOptions {
  ResponseTransformOptions transform = {};
  TransformChoiceOptions choice = {};  ///< for responses with the name "auto"
  bool robust = true;                  ///< transforms are fitted without gross errors, which then count as any reading
};

/// A surrogate of transformed responses that answers in the responses' own units. The expected response is the mean of
/// a reading, exactly so for a Gaussian process inside: log-normal moments for logarithms, Hermite expansions for the
/// others. Quantiles and densities of a reading are exact for any surrogate inside. Gradients take the noise inside as
/// the same at all inputs, as a Gaussian process has it.
class LUBAN_SURROGATE_EXPORT TransformedSurrogate final : public Surrogate {
 public:
  using Transforms = std::vector<std::shared_ptr<const ResponseTransform>>;
  /// @param inner learned the transformed responses. @param transforms (m). @param responses (m) with their own units.
  /// @throws DataError when lengths or names differ.
  TransformedSurrogate(std::shared_ptr<const Surrogate> inner, Transforms transforms,
                       std::vector<features::ResponseColumn> responses);
  ~TransformedSurrogate() override;

  /// Fits a transform to each response, then `make` to the transformed data. @param names one for all, or (m);
  /// "auto" chooses (transform_choice.hpp). @throws ConfigurationError on an unknown name or a wrong number of them;
  /// DataError on values that a transform cannot take; whatever `make` throws.
  [[nodiscard]] static std::shared_ptr<const TransformedSurrogate> fit(
      const features::Dataset& data, const std::vector<std::string>& names, const SurrogateFactory& make,
      core::RandomKey key, const TransformedOptions& options = {}, const core::CallControl& control = {});

  [[nodiscard]] std::string kind() const override { return "transformed " + inner_->kind(); }
  [[nodiscard]] const features::Encoder& encoder() const noexcept override { return inner_->encoder(); }
  [[nodiscard]] const std::vector<features::ResponseColumn>& responses() const noexcept override { return responses_; }
  [[nodiscard]] std::unique_ptr<Posterior> posterior(const Eigen::MatrixXd& X,
                                                     const PosteriorRequest& request = {}) const override;
  /// Averages of the responses, not of their transforms; of several levels the normal distribution of the same moments.
  /// Gradients need a surrogate inside that averages with gradients.
  [[nodiscard]] std::unique_ptr<Posterior> average(const Eigen::MatrixXd& X, const Eigen::VectorXd& weights,
                                                   const PosteriorRequest& request = {}) const override;
  [[nodiscard]] std::vector<std::string> degraded() const override { return inner_->degraded(); }
  [[nodiscard]] std::shared_ptr<const Surrogate> only(const std::vector<Eigen::Index>& responses) const override;

  [[nodiscard]] const std::shared_ptr<const Surrogate>& inner() const noexcept { return inner_; }
  [[nodiscard]] const Transforms& transforms() const noexcept { return transforms_; }
  /// (m) what "auto" tried; empty where it was not asked.
  [[nodiscard]] const std::vector<TransformChoice>& choices() const noexcept { return choices_; }

  /// Adds the transforms to an artefact under the key "response_transforms"; the surrogate inside writes itself.
  void write(Artefact& artefact) const;
  /// @param inner read from the same artefact. @throws IntegrityError when something is missing or does not fit.
  [[nodiscard]] static std::shared_ptr<const TransformedSurrogate> read(const Artefact& artefact,
                                                                        std::shared_ptr<const Surrogate> inner);

 private:
  std::shared_ptr<const Surrogate> inner_;
  Transforms transforms_;
  std::vector<features::ResponseColumn> responses_;
  struct Moments;
  std::shared_ptr<const Moments> moments_;
  std::vector<TransformChoice> choices_;
};

}  // namespace luban::surrogate
