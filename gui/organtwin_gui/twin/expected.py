"""What of a forecast is worth showing. No widgets."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from organtwin.model import Forecast


def there(forecasts: Sequence[Forecast]) -> list[str]:
    """Readings that are not zero throughout in all of them, such as the flow of a pump that nobody has."""
    first = forecasts[0]
    return [key for key in first.keys if any(_any(one, key) for one in forecasts)] or list(first.keys)


def _any(forecast: Forecast, key: str) -> bool:
    return key in forecast.keys and bool(np.any(np.asarray(forecast.quantiles)[forecast.keys.index(key)]))
