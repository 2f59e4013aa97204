#include <cmath>

#include <luban/surrogate/detail/kernels/kernels.hpp>
#include <luban/surrogate/detail/simd.hpp>

namespace luban::surrogate::detail {

namespace {

/// (1 − ε)^(|t − t′| / 2), t one numeric input in its own unit and ε what is forgotten in one of these (Bogunovic,
/// Scarlett and Cevher 2016): exp(−r) with r = −ln(1 − ε) |t − t′| / 2.
class Forgetting final : public Factor {
 public:
  Forgetting(const FactorSpec& spec, const features::EncodedVariable& input, Eigen::Index first_parameter)
      : Factor(first_parameter),
        range_(input.is_numeric() ? input.high - input.low
                                  : std::max(1.0, static_cast<double>(input.categories.size()) - 1.0)) {
    add_hyperparameter("log_forgotten:" + spec.name + ":" + input.name, spec.length);
  }

  [[nodiscard]] Eigen::MatrixXd coordinates(const Eigen::VectorXd& theta, const Points& points) const override {
    return scale(theta) * points.numeric;
  }
  void profile(std::size_t count, double* r2, double* slope) const override {
    simd_table().matern12(count, r2, r2, slope);
  }
  [[nodiscard]] std::optional<double> spectral_degrees() const noexcept override { return 1.0; }
  [[nodiscard]] bool own_slope() const noexcept override { return true; }
  void add_gradient_of_spread(const Eigen::VectorXd& theta, const Eigen::VectorXd& spread,
                              Eigen::VectorXd& gradient) const override {
    const double forgotten = std::exp(theta(first()));
    gradient(first()) += 2.0 * spread(0) * forgotten / ((1.0 - forgotten) * -std::log1p(-forgotten));
  }
  void add_input_gradient(const Eigen::VectorXd& theta, const Points& /*points*/, const Eigen::MatrixXd& by_coordinates,
                          Eigen::MatrixXd& by_numeric) const override {
    by_numeric += scale(theta) * by_coordinates;
  }

 private:
  [[nodiscard]] double scale(const Eigen::VectorXd& theta) const {
    return -0.5 * std::log1p(-std::exp(theta(first()))) * range_;
  }

  double range_;  // of the input, in its unit
};

}  // namespace

std::unique_ptr<Factor> make_forgetting(const FactorSpec& spec, const features::Encoder& encoder,
                                        const InputLayout& layout, Eigen::Index first_parameter) {
  require_one_input(spec, layout.numeric(), "numeric");
  if (!(spec.length.high < 1.0)) {
    throw core::ConfigurationError({.where = "surrogate.covariance",
                                    .expected = "a forgotten share below 1",
                                    .received = core::number_text(spec.length.high),
                                    .place = "upper bound of factor " + core::quoted(spec.name),
                                    .hint = {}});
  }
  return std::make_unique<Forgetting>(spec, encoder.variables()[static_cast<std::size_t>(layout.numeric().front())],
                                      first_parameter);
}

}  // namespace luban::surrogate::detail
