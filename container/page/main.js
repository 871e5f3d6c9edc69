// The page begins here: makes the app and its viewer, and mounts every part.

import { App } from "./app.js";
import { mount as mountAsk } from "./ask.js";
import { mount as mountCamera } from "./camera.js";
import { mount as mountControls } from "./controls.js";
import { byId } from "./dom.js";
import { mount as mountGestures } from "./gestures.js";
import { mount as mountIntake } from "./intake.js";
import { mount as mountKnow } from "./know.js";
import { createMarks } from "./marks.js";
import { mount as mountObjects } from "./objects.js";
import { mount as mountSam } from "./sam.js";
import { mount as mountStrip } from "./strip.js";
import { mount as mountTabs } from "./tabs.js";
import { mount as mountTake } from "./take.js";
import { Viewer } from "./viewer.js";
import { mount as mountWorkflows } from "./workflows.js";

const app = new App();
const viewer = new Viewer(byId("stage"), app);
viewer.layers.push(createMarks(app, viewer));

mountTabs(byId("tabs"), app);
mountGestures(viewer, app, { plus: byId("zoom-in"), minus: byId("zoom-out"), fit: byId("zoom-fit") });
const add = mountIntake(app, viewer);
mountCamera(app, add);
mountStrip(byId("strip"), app);
mountObjects(byId("objects"), app);
mountControls(byId("sliders"), byId("display"), app);
mountKnow(app, viewer);
mountTake(byId("take"), app, viewer);
mountSam(byId("sam"), app, viewer);
mountWorkflows(byId("workflows"), app, viewer);
mountAsk(app);

// For who tests the page in a browser.
window.maskserve = { app, viewer };
