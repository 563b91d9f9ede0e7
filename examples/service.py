"""An HTTP service that classifies clips; it needs `pip install fastapi uvicorn`.

`curl --data-binary @clip.mp4 -H "Content-Type: video/mp4" http://127.0.0.1:8000/classify`
answers with the result as JSON.
"""

import sys
import tempfile
from typing import Annotated, Any

import uvicorn
from fastapi import Body, FastAPI, HTTPException

from stzsar.runtime import Recognizer, StzsarError

app = FastAPI()
recognizer = Recognizer.load()  # once, for all requests


@app.post("/classify")
def classify(clip: Annotated[bytes, Body(media_type="video/mp4")]) -> dict[str, Any]:
    """Return what the clip in the body of the request shows."""
    with tempfile.NamedTemporaryFile(suffix=".mp4") as file:
        file.write(clip)
        file.flush()
        try:
            found = recognizer.classify(file.name)
        except StzsarError as error:
            raise HTTPException(422, "This is no video that can be read.") from error
    return {"label": found.label, "score": found.score, "decision": found.decision}


if __name__ == "__main__":
    uvicorn.run(app, port=int(sys.argv[1]) if len(sys.argv) > 1 else 8000)
