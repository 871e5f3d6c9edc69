// A photo from the camera: a dialog with its picture, and one frame of it as a JPEG.

import { byId } from "./dom.js";

const QUALITY = 0.92;

/** Listens on the camera's button, which is not there without a camera that the browser lets pages use. */
export function mount(app, add) {
  const [button, dialog, video] = [byId("camera"), byId("camera-dialog"), byId("camera-video")];
  const [take, problem] = [byId("camera-take"), byId("camera-problem")];
  let stream = null;
  // Browsers offer it in secure places only: https, or this machine.
  if (!navigator.mediaDevices?.getUserMedia) {
    button.hidden = true;
    return;
  }

  async function open() {
    problem.hidden = true;
    take.disabled = true;
    dialog.showModal();
    try {
      stream = await navigator.mediaDevices.getUserMedia({
        video: { facingMode: "environment", width: { ideal: 1920 } },
      });
      if (!dialog.open) return stop();
      video.srcObject = stream;
      await video.play();
      take.disabled = false;
      take.focus();
    } catch (error) {
      problem.hidden = false;
      problem.textContent =
        error.name === "NotAllowedError"
          ? "The browser does not let this page use the camera. Allow it beside the address, then try again."
          : "No camera was found.";
    }
    return undefined;
  }

  function stop() {
    for (const track of stream?.getTracks() ?? []) track.stop();
    stream = null;
    video.srcObject = null;
  }

  button.addEventListener("click", open);
  dialog.addEventListener("close", stop);
  byId("camera-close").addEventListener("click", () => dialog.close());
  take.addEventListener("click", () => {
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
    canvas.getContext("2d").drawImage(video, 0, 0);
    dialog.close();
    const name = `camera-${app.photos.length + 1}.jpg`;
    canvas.toBlob((blob) => add([new File([blob], name, { type: "image/jpeg" })]), "image/jpeg", QUALITY);
  });
}
